"""Whether a target is stamped: its `stamp` attribute, or else the flag `--stamp`."""

visibility(["//oci/..."])

_StampInfo = provider(
    doc = "Whether the build is run with `--stamp`.",
    fields = {"stamped": "bool"},
)

def _stamp_setting_impl(ctx):
    return [_StampInfo(stamped = ctx.attr.stamped)]

stamp_setting = rule(
    implementation = _stamp_setting_impl,
    doc = "Makes the flag `--stamp` known to rules: its `stamped` is a `select` on it.",
    attrs = {
        "stamped": attr.bool(
            doc = "Whether the build is run with `--stamp`.",
            mandatory = True,
        ),
    },
)

STAMP_ATTRS = {
    "stamp": attr.int(
        doc = """Whether values of Bazel's workspace status are filled in: `1` always, `0` never, `-1` with `--stamp`.
Where it is given, a placeholder `{{KEY}}` is replaced by that key's value, and otherwise by `unstamped`.""",
        default = -1,
        values = [-1, 0, 1],
    ),
    "_stamp": attr.label(
        default = "//oci/private:stamp",
        providers = [_StampInfo],
    ),
}

def is_stamped(ctx):
    """Tells whether a target is stamped.

    Args:
      ctx: rule context with `STAMP_ATTRS`.

    Returns:
      bool.
    """
    return ctx.attr.stamp == 1 or (ctx.attr.stamp == -1 and ctx.attr._stamp[_StampInfo].stamped)

def add_workspace_status(ctx, args, *, stamped):
    """Adds the workspace status, stable and volatile, to a command line of the build tool.

    See https://bazel.build/docs/user-manual#workspace-status.

    Args:
      ctx: rule context.
      args: `Args`.
      stamped: bool; if not, nothing is added.

    Returns:
      list of `File`; what the action then reads.
    """
    if not stamped:
        return []
    args.add(ctx.info_file, format = "--stable-status=%s")
    args.add(ctx.version_file, format = "--volatile-status=%s")
    return [ctx.info_file, ctx.version_file]
