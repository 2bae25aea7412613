"""What the build tool is told of a target: its attributes as JSON, files with more of them, and the workspace status."""

load(":stamp.bzl", "add_workspace_status")

visibility(["//oci/..."])

# What every placeholder begins with: `{{KEY}}`.
_PLACEHOLDER = "{{"

def spec(*, json, files = {}, stamped = False):
    """Collects what the build tool is told.

    Args:
      json: string; attributes.
      files: dict of the tool's flags to `File` or `None`; further attributes.
      stamped: bool; whether the target is stamped.

    Returns:
      A struct. The status is read only if something can have a placeholder, so that a new one makes nothing else again.
    """
    files = {flag: file for flag, file in files.items() if file}
    return struct(
        files = files,
        json = json,
        stamped = stamped and (bool(files) or _PLACEHOLDER in json),
    )

def add_spec(ctx, args, spec):
    """Adds what `spec` has returned to a command line.

    Args:
      ctx: rule context.
      args: `Args`.
      spec: struct.

    Returns:
      list of `File`; what the action then reads.
    """
    args.add(spec.json, format = "--spec=%s")
    for flag, file in spec.files.items():
        args.add(file, format = flag + "=%s")
    return spec.files.values() + add_workspace_status(ctx, args, stamped = spec.stamped)
