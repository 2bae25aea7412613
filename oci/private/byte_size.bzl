"""Sizes in bytes as engines' command lines have them: `64m`, `2g`."""

visibility(["//oci/..."])

_UNITS = {
    "b": 1,
    "g": 1 << 30,
    "k": 1 << 10,
    "m": 1 << 20,
}

def byte_size(text):
    """Parses a size.

    Args:
      text: string; digits, and perhaps one of `b`, `k`, `m`, `g`: 1024 of each make one of the next.

    Returns:
      int, in bytes; `None` if it is no size, or nothing.
    """
    text = text.lower()
    unit = text[-1:] if text[-1:] in _UNITS else ""
    digits = text.removesuffix(unit)
    if not digits.isdigit() or not int(digits):
        return None
    return int(digits) * _UNITS[unit or "b"]

def byte_size_error(text):
    """Says what is wrong with a size.

    Args:
      text: string.

    Returns:
      `None`, or what is wrong and what to write instead.
    """
    if byte_size(text) == None:
        return "`{}` is not a size: expected bytes, or a number with one of `k`, `m`, `g`, for example `512m`".format(text)
    return None
