"""Requests that Bazel's downloader does not make: by plain HTTP without a digest, with a form, to whoever has any certificate.

`curl` is asked, if it is on `PATH`. What is secret goes through its standard input, so it is on no command line and in no file.
"""

visibility(["//oci/..."])

_CONNECT_TIMEOUT_SECONDS = 30
_TIMEOUT_SECONDS = 600

# `rctx.execute` cannot give a standard input, and a process's environment is its owner's alone.
_SCRIPT = "printf %s \"$STEVEDORE_CURL_CONFIG\" | \"$0\" --config - \"$@\""

def curl(rctx, *, url, output = None, auth = None, headers = {}, form = None, insecure = False):
    """Makes a request.

    Args:
      rctx: repository context.
      url: string.
      output: string or `None`; the file that the body goes to. Without one, `said` has the head and the body, whatever the
        status; with one, a status that is no success is an error.
      auth: dict or `None`; an entry as those of `rctx.download`'s dict `auth`.
      headers: dict of strings.
      form: dict of strings or `None`; what is posted.
      insecure: bool; whether any certificate will do.

    Returns:
      struct of `said`, a string, and `error`, a string or `None`.
    """
    program = curl_program(rctx)
    if not program:
        return struct(error = "`{}` needs `curl`, which is not on `PATH`".format(url), said = "")
    arguments = ["--silent", "--show-error", "--suppress-connect-headers", "--connect-timeout", str(_CONNECT_TIMEOUT_SECONDS), "--retry", "3"]
    arguments += ["--output", output, "--fail", "--location"] if output else ["--include"]
    arguments += ["--insecure"] if insecure else []
    for name, value in headers.items():
        arguments += ["--header", "{}: {}".format(name, value)]
    result = rctx.execute(
        ["sh", "-c", _SCRIPT, program] + arguments + [url],
        environment = {"STEVEDORE_CURL_CONFIG": curl_config(auth = auth, form = form)},
        quiet = True,
        timeout = _TIMEOUT_SECONDS,
    )
    error = None
    if result.return_code != 0:
        error = "`{}`: {}".format(url, result.stderr.strip() or "no answer")
    return struct(error = error, said = result.stdout)

def curl_program(rctx):
    """Finds `curl`, and the shell that gives it its standard input.

    Args:
      rctx: repository context.

    Returns:
      `path`, or `None` if one of them is not there.
    """
    return rctx.which("curl") if rctx.which("sh") else None

def curl_config(*, auth, form):
    """Writes what of a request is secret, as curl's option `--config` reads it.

    Args:
      auth: dict or `None`; an entry as those of `rctx.download`'s dict `auth`.
      form: dict of strings or `None`.

    Returns:
      string.
    """
    lines = []
    if auth and auth["type"] == "basic":
        lines.append(_option("user", "{}:{}".format(auth["login"], auth["password"])))
    elif auth:
        lines.append(_option("header", "Authorization: " + auth["pattern"].replace("<password>", auth["password"])))
    for name, value in (form or {}).items():
        lines.append(_option("data-urlencode", "{}={}".format(name, value)))
    return "".join(lines)

def _option(name, value):
    return "{} = \"{}\"\n".format(name, value.replace("\\", "\\\\").replace("\"", "\\\""))
