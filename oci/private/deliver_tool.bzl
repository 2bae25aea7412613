"""The deliver tool for the machine that runs it, whatever platform the image is for."""

load("//oci:providers.bzl", "StevedoreToolInfo")

visibility(["//oci/..."])

_DELIVER_TOOLCHAIN_TYPE = Label("//oci:deliver_toolchain_type")

_HOST_PLATFORM = "//command_line_option:host_platform"
_PLATFORMS = "//command_line_option:platforms"
_COMPILATION_MODE = "//command_line_option:compilation_mode"
_COVERAGE = "//command_line_option:collect_code_coverage"
_INSTRUMENTATION_FILTER = "//command_line_option:instrumentation_filter"

def _host_transition_impl(settings, _attr):
    # A tool is not what is being worked on: always optimised, so that `-c dbg` neither builds it again nor slows loads, and never
    # instrumented.
    return {
        _COMPILATION_MODE: "opt",
        _COVERAGE: False,
        # Bazel's own default.
        _INSTRUMENTATION_FILTER: "-/javatests[/:],-/test/java[/:]",
        _PLATFORMS: str(settings[_HOST_PLATFORM]),
    }

host_transition = transition(
    implementation = _host_transition_impl,
    inputs = [_HOST_PLATFORM],
    outputs = [
        _COMPILATION_MODE,
        _COVERAGE,
        _INSTRUMENTATION_FILTER,
        _PLATFORMS,
    ],
)

def _deliver_tool_impl(ctx):
    tool = ctx.toolchains[_DELIVER_TOOLCHAIN_TYPE].stevedore
    return [
        DefaultInfo(
            files = depset([tool.files_to_run.executable]),
            runfiles = tool.runfiles,
        ),
        tool,
    ]

deliver_tool = rule(
    implementation = _deliver_tool_impl,
    doc = "Resolves the deliver toolchain with the host platform as the target platform.",
    attrs = {
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    cfg = host_transition,
    provides = [StevedoreToolInfo],
    toolchains = [_DELIVER_TOOLCHAIN_TYPE],
)

DELIVER_TOOL_ATTRS = {
    "_deliver_tool": attr.label(
        default = "//oci:deliver_tool",
        providers = [StevedoreToolInfo],
    ),
}

def deliver_executable(ctx):
    """Makes the deliver tool the executable of a target.

    Args:
      ctx: rule context with `DELIVER_TOOL_ATTRS`.

    Returns:
      struct of `file`, a link to the tool that is named like the target, and `runfiles`, the tool's.
    """
    tool = ctx.attr._deliver_tool[StevedoreToolInfo]
    target_file = tool.files_to_run.executable
    suffix = ".exe" if target_file.extension == "exe" else ""
    file = ctx.actions.declare_file(ctx.label.name + suffix)
    ctx.actions.symlink(
        is_executable = True,
        output = file,
        progress_message = "Linking %{label} to the deliver tool",
        target_file = target_file,
    )
    return struct(file = file, runfiles = tool.runfiles)
