"""The two shapes of `repo_tags` and `remote_tags`: a list, or the label of a file with a line for each."""

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
    """Says what is wrong with a value of `repo_tags`.

    Args:
      repo_tags: list of strings, `select`, string or `Label`.

    Returns:
      `None`, or what is wrong and what to write instead.
    """
    if not _is_reference(repo_tags):
        return None
    return "`{tag}` is a reference, and a string is the label of a file: did you mean `[\"{tag}\"]`?".format(tag = repo_tags)

def remote_tags_error(remote_tags):
    """Says what is wrong with a value of `remote_tags`.

    Args:
      remote_tags: list of strings, `select`, string or `Label`.

    Returns:
      `None`, or what is wrong and what to write instead.
    """
    if not _is_reference(remote_tags):
        return None
    return "`{}` is a reference, and a string is the label of a file: expected a list of tags, for example `[\"{}\"]`".format(
        remote_tags,
        remote_tags.rpartition(":")[2],
    )

def _is_reference(value):
    # A label with a colon begins with `//`, `@` or `:`.
    return type(value) == "string" and ":" in value and value[:1] not in ("/", "@", ":")
