"""Finds what was probably meant by a name that is not known."""

visibility(["//oci/..."])

def did_you_mean(name, known):
    """Suggests one of the known names.

    Args:
      name: string; what was written.
      known: list of strings; what could have been written.

    Returns:
      A sentence: "did you mean `x`?" if a known name has the same letters (whatever their case, dashes, underscores or a
      plural `s`), contains the name or is contained in it; otherwise "expected one of `a`, `b`".
    """
    wanted = _letters(name)
    for candidate in known:
        if wanted == _letters(candidate):
            return "did you mean `{}`?".format(candidate)
    for candidate in known:
        letters = _letters(candidate)
        if wanted and (wanted in letters or letters in wanted):
            return "did you mean `{}`?".format(candidate)
    return "expected one of " + ", ".join(["`{}`".format(candidate) for candidate in known])

def _letters(name):
    return name.lower().replace("-", "").replace("_", "").removesuffix("s")
