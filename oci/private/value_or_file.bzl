"""Attributes that are a value, or the label of a file which has it: `labels`, `annotations`, `env` and `created`."""

visibility(["//oci/..."])

def assignments_file(value):
    """Tells what a dict of strings was given as.

    Args:
      value: dict, `select` of dicts, string or `Label`.

    Returns:
      The value if it is the label of a file, otherwise `None`.
    """
    return value if type(value) in ("string", "Label") else None

def assignments_error(value):
    """Says what is wrong with what was given for a dict of strings.

    Args:
      value: dict, `select` of dicts, string or `Label`.

    Returns:
      `None`, or what is wrong and what to write instead.
    """
    if type(value) == "string" and "=" in value:
        key, _, rest = value.partition("=")
        return "`{}` is an assignment, and a string is the label of a file: did you mean `{{\"{}\": \"{}\"}}`?".format(value, key, rest)
    if type(value) in ("list", "tuple"):
        return "`{}` is a {}: expected a dict, or the label of a file with `KEY=VALUE` a line".format(value, type(value))
    return None

def time_file(value):
    """Tells what a time was given as.

    Args:
      value: string or `Label`.

    Returns:
      The value if it is the label of a file, otherwise `None`. A time begins with a digit or has a placeholder.
    """
    if type(value) == "string" and (value[:1].isdigit() or "{{" in value):
        return None
    return value if type(value) in ("string", "Label") and value else None
