"""Where a secret is from."""

visibility(["//oci/..."])

def run_secret_error(source):
    """Says what is wrong with what was given as the source of a secret.

    Args:
      source: string.

    Returns:
      `None`, or what is wrong and what is expected. The source itself is not in it: it may be the secret.
    """
    kind, _, rest = source.partition(":")
    if kind not in ("env", "file") or not rest:
        return "expected where the secret is, `file:PATH` or `env:NAME`, not the secret itself"
    if kind == "file" and not rest.startswith(("/", "~/")):
        return "`{}` is neither absolute nor in the home folder: expected a path like `file:~/.npmrc`".format(source)
    if kind == "env" and not variable_name(rest):
        return "`{}` is not the name of a variable: expected letters, digits and `_`".format(rest)
    return None

def variable_name(text):
    """Tells whether a text is the name of an environment variable.

    Args:
      text: string.

    Returns:
      bool.
    """
    return bool(text) and not text[0].isdigit() and not [
        character
        for character in text.elems()
        if not character.isalnum() and character != "_"
    ]
