"""Defines `oci_expected_command`."""

load("//oci/private:expected_command.bzl", "expected_command_error")

visibility("public")

def oci_expected_command(
        *,
        argv = [],
        args = [],
        shell = None,
        exit_code = 0,
        stdout = None,
        stdout_matches = [],
        stdout_lacks = [],
        stderr = None,
        stderr_matches = [],
        stderr_lacks = [],
        env = {},
        user = "",
        workdir = "",
        timeout = 60):
    """A command and what is expected of it: a value of `oci_image_test(commands = {...})`.

    ```starlark
    oci_image_test(
        name = "image_test",
        commands = {
            "version": oci_expected_command(args = ["--version"], stdout_matches = ["^app 1\\\\."]),
            "the user can write": oci_expected_command(shell = "touch /srv/data/x"),
        },
        image = ":image",
    )
    ```

    Each runs in a new container of the image, as the image's user, in its working directory, with its variables and without
    standard input. Without `argv`, `args` and `shell` it is what the image's entrypoint and cmd say.

    Args:
      argv: list of strings; the program and its arguments, in place of entrypoint and cmd.
      args: list of strings; arguments of the image's entrypoint, in place of its cmd.
      shell: string; a command for `/bin/sh -c` of the image. Nothing is expanded or escaped on the way.
      exit_code: int; how it ends; 128 and the number of a signal if that ends it.
      stdout: string; the whole of what it writes to standard output.
      stdout_matches: list of [regular expressions](https://docs.rs/regex-lite/latest/regex_lite/#syntax), each of which matches
        somewhere in standard output; `^` and `$` match at each line.
      stdout_lacks: list of regular expressions that match nowhere in standard output.
      stderr: string; the whole of what it writes to standard error.
      stderr_matches: list of regular expressions, each of which matches somewhere in standard error.
      stderr_lacks: list of regular expressions that match nowhere in standard error.
      env: dict of strings; variables in addition to those of the image, or in their place.
      user: string; the user that it runs as, `user`, `uid`, `user:group` or `uid:gid`. Empty: the image's.
      workdir: string; where it runs, an absolute path. Empty: the image's.
      timeout: int; after how many seconds it is killed, which is a failure.

    Returns:
      A string (JSON).
    """
    lists = {
        "stderr_lacks": stderr_lacks,
        "stderr_matches": stderr_matches,
        "stdout_lacks": stdout_lacks,
        "stdout_matches": stdout_matches,
    }
    error = expected_command_error(
        args = args,
        argv = argv,
        env = env,
        lists = lists,
        numbers = {"exit_code": exit_code, "timeout": timeout},
        shell = shell,
        strings = {"shell": shell, "stderr": stderr, "stdout": stdout, "user": user, "workdir": workdir},
    )
    if error:
        fail("oci_expected_command: {}".format(error))
    return json.encode({
        "argv": ["/bin/sh", "-c", shell] if shell else argv,
        "args": args,
        "exit_code": exit_code,
        "stdout": {"text": stdout, "matches": stdout_matches, "lacks": stdout_lacks},
        "stderr": {"text": stderr, "matches": stderr_matches, "lacks": stderr_lacks},
        "env": env,
        "user": user,
        "workdir": workdir,
        "timeout": timeout,
    })
