"""One target for several platforms: the transition that builds it for each, and what comes of it."""

load(":label_text.bzl", "label_text")

visibility(["//oci/..."])

_PLATFORMS = "//command_line_option:platforms"

def _platform_split_impl(_settings, attr):
    # Keyed by number: the rule sees what an alias in `platforms` stands for, this sees the alias.
    return {str(number): {_PLATFORMS: str(platform)} for number, platform in enumerate(attr.platforms)}

platform_split = transition(
    implementation = _platform_split_impl,
    inputs = [],
    outputs = [_PLATFORMS],
)

PLATFORM_SPLIT_ATTRS = {
    "_allowlist_function_transition": attr.label(
        default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
    ),
}

def platform_split_targets(ctx, *, attribute):
    """Returns what a target is on each platform.

    Args:
      ctx: rule context; the attribute has `platform_split` as its `cfg`, and there are platforms in the attribute `platforms`.
      attribute: string; the attribute's name.

    Returns:
      list of structs of `target`, a `Target`, and `name`, a string that tells the target and its platform, in the order of
      `platforms`.
    """
    targets = getattr(ctx.split_attr, attribute)
    return [
        struct(
            name = "{} for {}".format(label_text(targets[str(number)].label), label_text(platform.label)),
            target = targets[str(number)],
        )
        for number, platform in enumerate(ctx.attr.platforms)
    ]
