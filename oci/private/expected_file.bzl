"""What is expected at a path of an image."""

load(":ownership.bzl", "mode_error", "owner_error")

visibility(["//oci/..."])

_TYPES = ["block_device", "character_device", "directory", "fifo", "file", "symlink"]

def expected_file_error(*, content, content_lacks, content_matches, mode, owner, target, type_name):
    """Says what is wrong with the arguments of `oci_expected_file`.

    Args:
      content: what was given as the content, or `None`.
      content_lacks: what was given as expressions that match nothing.
      content_matches: what was given as expressions that match something.
      mode: what was given as the mode, or `None`.
      owner: what was given as the owner, or `None`.
      target: what was given as a link's target, or `None`.
      type_name: what was given as the type, or `None`.

    Returns:
      `None`, or the argument, what is wrong and what to write instead.
    """
    strings = {"content": content, "mode": mode, "owner": owner, "target": target, "type": type_name}
    for name, value in strings.items():
        if name == "mode" and type(value) == "int":
            return "`mode`: got the number `{}`, expected a string: did you mean `\"0{}\"`?".format(value, "%o" % value)
        if value != None and type(value) != "string":
            return "`{}`: got `{}` ({}), expected a string".format(name, value, type(value))
    error = texts_error({"content_lacks": content_lacks, "content_matches": content_matches})
    if error:
        return error
    for name, value, error_of in [("mode", mode, mode_error), ("owner", owner, owner_error)]:
        error = error_of(value) if value != None else None
        if error:
            return "`{}`: {}".format(name, error)
    if type_name != None and type_name not in _TYPES:
        return "`type`: `{}` is not a type: expected one of {}".format(type_name, ", ".join(["`{}`".format(known) for known in _TYPES]))
    has_content = content != None or content_lacks or content_matches
    if has_content and type_name not in (None, "file"):
        return "`type`: `{}` has no content: expected `file`, or no content".format(type_name)
    if target != None and type_name not in (None, "symlink"):
        return "`target`: got `{}`, but the type is `{}`: expected `symlink`, or no target".format(target, type_name)
    if target != None and has_content:
        return "`target`: got `{}`, and a content too: expected one of the two; for what the link leads to give its own path".format(target)
    return None

def texts_error(arguments):
    """Says what is wrong with lists of expressions.

    Args:
      arguments: dict of argument name to what was given for it.

    Returns:
      `None`, or the argument, what is wrong and what to write instead.
    """
    for name, values in arguments.items():
        if type(values) == "string":
            return "`{name}`: got the string `{value}`: did you mean `[\"{value}\"]`?".format(name = name, value = values)
        if type(values) != "list" or [value for value in values if type(value) != "string"]:
            return "`{}`: got `{}`, expected a list of strings".format(name, values)
    return None
