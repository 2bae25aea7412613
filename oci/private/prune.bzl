"""The rule behind `//oci:prune`."""

load(":deliver_tool.bzl", "DELIVER_TOOL_ATTRS", "deliver_executable")
load(":delivery_spec.bzl", "prune_spec")

visibility(["//oci/..."])

def _oci_prune_impl(ctx):
    executable = deliver_executable(ctx)
    spec = prune_spec(ctx, executable = executable.file)
    return [DefaultInfo(
        executable = executable.file,
        files = depset([executable.file, spec.file]),
        runfiles = spec.runfiles.merge(executable.runfiles),
    )]

oci_prune = rule(
    implementation = _oci_prune_impl,
    doc = "Removes images that were loaded for tests from a container engine: those that no test has used for long.",
    attrs = DELIVER_TOOL_ATTRS,
    executable = True,
)
