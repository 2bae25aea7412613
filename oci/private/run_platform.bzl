"""The transition to the platform that a container is for."""

visibility(["//oci/..."])

_PLATFORMS = "//command_line_option:platforms"

def _run_platform_impl(_settings, attr):
    # Nothing is changed where no platform is named.
    return {_PLATFORMS: str(attr.platform)} if attr.platform else {}

run_platform = transition(
    implementation = _run_platform_impl,
    inputs = [],
    outputs = [_PLATFORMS],
)

RUN_PLATFORM_ATTRS = {
    "platform": attr.label(
        doc = """The platform that the target and what it needs are built for: a `platform` target. Without one, the target platform.
Whether this machine runs a foreign one is up to its kernel (`binfmt_misc`).""",
        providers = [platform_common.PlatformInfo],
    ),
    "_allowlist_function_transition": attr.label(
        default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
    ),
}
