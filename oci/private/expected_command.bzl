"""What is expected of a command in a container of an image."""

load(":expected_file.bzl", "texts_error")

visibility(["//oci/..."])

def expected_command_error(*, argv, args, shell, numbers, lists, strings, env):
    """Says what is wrong with the arguments of `oci_expected_command`.

    Args:
      argv: what was given as the program and its arguments.
      args: what was given as arguments of the image's entrypoint.
      shell: what was given as a command of a shell, or `None`.
      numbers: dict of argument name to what was given for it, where a number is expected.
      lists: dict of argument name to what was given for it, where expressions are expected.
      strings: dict of argument name to what was given for it, where a string or `None` is expected.
      env: what was given as variables.

    Returns:
      `None`, or the argument, what is wrong and what to write instead.
    """
    error = texts_error({"args": args, "argv": argv} | lists)
    if error:
        return error
    given = [name for name, value in [("args", args), ("argv", argv), ("shell", shell)] if value]
    if len(given) > 1:
        return "`{}` and `{}` are both given: expected one way to say what runs".format(given[0], given[1])
    for name, value in numbers.items():
        if type(value) != "int" or value < 0:
            return "`{}`: got `{}`, expected a number that is not negative".format(name, value)
    for name, value in strings.items():
        if value != None and type(value) != "string":
            return "`{}`: got `{}` ({}), expected a string".format(name, value, type(value))
    if numbers["exit_code"] > 255:
        return "`exit_code`: got `{}`, expected a number from 0 to 255".format(numbers["exit_code"])
    if not numbers["timeout"]:
        return "`timeout`: got `0`, expected seconds, at least 1"
    if type(env) != "dict":
        return "`env`: got `{}`, expected a dict of strings".format(env)
    for name, value in env.items():
        if not name or "=" in name or type(value) != "string":
            return "`env`: got `{}: {}`, expected the name of a variable and a string".format(repr(name), repr(value))
    return None
