"""The two shapes of `repo_tags`: a list of references, or the label of a file with references."""

visibility(["//oci/..."])

def repo_tags_file(repo_tags):
    """Tells which shape a value has.

    Args:
      repo_tags: list of strings, `select`, string or `Label`.

    Returns:
      The value if it is a label, otherwise `None`.
    """
    return repo_tags if type(repo_tags) in ("string", "Label") else None

def repo_tags_error(repo_tags):
    """Says what is wrong with a value.

    Args:
      repo_tags: list of strings, `select`, string or `Label`.

    Returns:
      `None`, or what is wrong and what to write instead.
    """
    if type(repo_tags) != "string" or ":" not in repo_tags or repo_tags[:1] in ("/", "@", ":"):
        return None

    # A label with a colon begins with `//`, `@` or `:`.
    return "`{tag}` is a reference, and a string is the label of a file: did you mean `[\"{tag}\"]`?".format(tag = repo_tags)
