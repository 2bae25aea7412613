"""What a health check may say."""

visibility(["//oci/..."])

_TEST_KINDS = ["CMD", "CMD-SHELL", "NONE"]

# The units of Go's time.ParseDuration, which engines read durations with.
_UNITS = ["ns", "us", "ms", "s", "m", "h"]

def healthcheck_error(*, test, durations, retries):
    """Says what is wrong with a health check.

    Args:
      test: what was given as the test.
      durations: dict of argument name to what was given for it, or `None`.
      retries: what was given as the number of retries, or `None`.

    Returns:
      `None`, or the argument, what is wrong and what to write instead.
    """
    if type(test) == "string":
        return "`test`: got the string `{test}`: did you mean `[\"CMD-SHELL\", \"{test}\"]`?".format(test = test)
    if type(test) != "list" or not test or test[0] not in _TEST_KINDS:
        return "`test`: got `{}`, expected a list that begins with one of {}".format(
            test,
            ", ".join(["`{}`".format(kind) for kind in _TEST_KINDS]),
        )
    for name, duration in durations.items():
        error = duration_error(duration) if duration != None else None
        if error:
            return "`{}`: {}".format(name, error)
    if retries != None and (type(retries) != "int" or retries < 0):
        return "`retries`: got `{}`, expected a number that is not negative".format(retries)
    return None

def duration_error(duration):
    """Says what is wrong with a duration.

    Args:
      duration: what was given as a duration.

    Returns:
      `None`, or what is wrong and what to write instead.
    """
    if type(duration) != "string":
        return "got `{duration}` ({type}), expected a string: did you mean `\"{duration}s\"`?".format(
            duration = duration,
            type = type(duration),
        )
    rest = duration

    # A step takes one number and its unit off.
    for _ in range(len(duration)):
        rest = _without_first_part(rest)
        if not rest:
            break
    if duration and rest == "":
        return None
    return "`{}` is not a duration: expected numbers with units, for example `30s` or `1m30s`".format(duration)

def _without_first_part(text):
    unit_and_rest = text.lstrip("0123456789.")
    number = text[:len(text) - len(unit_and_rest)]
    if not number.replace(".", "", 1).isdigit():
        return None
    for unit in _UNITS:
        rest = unit_and_rest.removeprefix(unit)
        if rest != unit_and_rest and not rest[:1].isalpha():
            return rest
    return None
