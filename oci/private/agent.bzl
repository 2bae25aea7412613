"""The agent for the machine that runs the deliver tool: Linux, whatever that machine is.

Containers run on the machine's own processor, on a Mac or on Windows in a virtual machine with Linux.
"""

load("//oci:providers.bzl", "StevedoreToolInfo")
load(":deliver_tool.bzl", "host_transition")

visibility(["//oci/..."])

_AGENT_TOOLCHAIN_TYPE = Label("//oci:agent_toolchain_type")

_LINUX_ON_HOST = Label("//oci:linux_on_host")

_PLATFORMS = "//command_line_option:platforms"

def _linux_transition_impl(settings, attr):
    # On Linux nothing changes: what the agent is built from is that of the deliver tool.
    return {_PLATFORMS: settings[_PLATFORMS] if attr.host_is_linux else str(_LINUX_ON_HOST)}

_linux_transition = transition(
    implementation = _linux_transition_impl,
    inputs = [_PLATFORMS],
    outputs = [_PLATFORMS],
)

def _resolved_agent_impl(ctx):
    tool = ctx.toolchains[_AGENT_TOOLCHAIN_TYPE].stevedore
    return [
        DefaultInfo(
            files = depset([tool.files_to_run.executable]),
            runfiles = tool.runfiles,
        ),
        tool,
    ]

resolved_agent = rule(
    implementation = _resolved_agent_impl,
    doc = "Resolves the agent toolchain for the target platform.",
    provides = [StevedoreToolInfo],
    toolchains = [_AGENT_TOOLCHAIN_TYPE],
)

def _agent_impl(ctx):
    # A list, since the edge to it has a transition.
    resolved = ctx.attr.resolved[0]
    return [
        DefaultInfo(
            files = resolved[DefaultInfo].files,
            runfiles = resolved[DefaultInfo].default_runfiles,
        ),
        resolved[StevedoreToolInfo],
    ]

agent = rule(
    implementation = _agent_impl,
    doc = "The agent for Linux on the host platform's processor.",
    attrs = {
        "host_is_linux": attr.bool(
            doc = "Whether the host platform is one of Linux; a `select` is resolved for it.",
            mandatory = True,
        ),
        "resolved": attr.label(
            doc = "A `resolved_agent`.",
            cfg = _linux_transition,
            mandatory = True,
            providers = [StevedoreToolInfo],
        ),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    cfg = host_transition,
    provides = [StevedoreToolInfo],
)

AGENT = Label("//oci:agent")

AGENT_ATTRS = {
    "_agent": attr.label(
        default = AGENT,
        providers = [StevedoreToolInfo],
    ),
}
