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

def image_arguments(*, rule, name, annotations = {}, created = "", env = {}, labels = {}):
    """Turns those attributes of an image into those of the rule, which has two for each.

    Args:
      rule: string; the macro's name, for messages.
      name: string; the target's name.
      annotations: dict, `select` of dicts, string or `Label`.
      created: string or `Label`.
      env: dict, `select` of dicts, string or `Label`.
      labels: dict, `select` of dicts, string or `Label`.

    Returns:
      dict.
    """
    arguments = {
        "created": "" if time_file(created) else created,
        "created_file": time_file(created),
    }
    for attribute, value in {"annotations": annotations, "env": env, "labels": labels}.items():
        error = assignments_error(value)
        if error:
            fail("{} `{}`: attribute `{}`: {}".format(rule, name, attribute, error))
        file = assignments_file(value)
        arguments |= {attribute: {} if file else value, attribute + "_file": file}
    return arguments
