"""Owners, modes and times of files, as attributes give them."""

visibility(["//oci/..."])

_NAME_PUNCTUATION = "._-$@+"

def owner_error(owner):
    """Says what is wrong with an owner.

    Args:
      owner: string; `user:group`, each a number or a name.

    Returns:
      `None`, or what is wrong and what to write instead.
    """
    parts = owner.split(":")
    if len(parts) == 1 and _is_name(owner):
        return "`{owner}` has no group: did you mean `{owner}:{owner}`?".format(owner = owner)
    if len(parts) == 2 and _is_name(parts[0]) and _is_name(parts[1]):
        return None
    return "`{}` is not of the form `user:group` with numbers or names, for example `0:0` or `app:app`".format(owner)

def _is_name(text):
    if not text:
        return False
    for char in text.elems():
        if not char.isalnum() and char not in _NAME_PUNCTUATION:
            return False
    return True

def mode_error(mode):
    """Says what is wrong with a mode.

    Args:
      mode: string of three or four octal digits, with or without a leading `0`: `644`, `0644`, `4755`, `04755`.

    Returns:
      `None`, or what is wrong and what to write instead.
    """
    if _is_mode(mode):
        return None
    if mode.startswith("0o") and _is_mode(mode[2:]):
        return "`{}` is not an octal number: did you mean `0{}`?".format(mode, mode[2:].lstrip("0"))
    return "`{}` is not an octal number of three or four digits, for example `0644`".format(mode)

def _is_mode(text):
    digits = text[1:] if len(text) == 5 and text.startswith("0") else text
    return len(digits) in (3, 4) and not digits.strip("01234567")

def mtime_error(mtime):
    """Says what is wrong with a modification time.

    Args:
      mtime: int; seconds since the epoch.

    Returns:
      `None`, or what is wrong and what to write instead.
    """
    if mtime < 0:
        return "`{}` is before 1970: expected seconds since the epoch, `0` or more".format(mtime)
    return None

# The arguments of oci_metadata, their types, and what checks them.
_METADATA = {
    "owner": ("string", owner_error),
    "mode": ("string", mode_error),
    "mtime": ("int", mtime_error),
}

def metadata_error(fields):
    """Says what is wrong with the arguments of `oci_metadata`.

    Args:
      fields: dict of argument name to what was given for it; without those that are `None`.

    Returns:
      `None`, or the argument, what is wrong and what to write instead.
    """
    if not fields:
        return "nothing to set: expected one of " + ", ".join(["`{}`".format(name) for name in _METADATA])
    for name, value in fields.items():
        expected_type, error_of = _METADATA[name]
        if name == "mode" and type(value) == "int":
            return "`mode`: got the number `{}`, expected a string: did you mean `\"0{}\"`?".format(value, "%o" % value)
        if type(value) != expected_type:
            return "`{}`: got `{}` ({}), expected the type {}".format(name, value, type(value), expected_type)
        error = error_of(value)
        if error:
            return "`{}`: {}".format(name, error)
    return None
