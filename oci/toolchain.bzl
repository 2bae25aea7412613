"""Rules that make a binary, built or downloaded, the tool behind a toolchain type."""

load("//oci:providers.bzl", "StevedoreToolInfo")

visibility("public")

def _toolchain_impl(ctx):
    default_info = ctx.attr.tool[DefaultInfo]
    return [platform_common.ToolchainInfo(
        stevedore = StevedoreToolInfo(
            files_to_run = default_info.files_to_run,
            runfiles = default_info.default_runfiles or ctx.runfiles(),
        ),
    )]

_EXAMPLE = """

```starlark
load("@rules_stevedore//oci:toolchain.bzl", "{rule}")

{rule}(
    name = "{name}",
    tool = "{tool}",
    visibility = ["//visibility:public"],
)

toolchain(
    name = "{name}_toolchain",
    {platform} = ["@platforms//os:linux", "@platforms//cpu:x86_64"],
    toolchain = ":{name}",
    toolchain_type = "@rules_stevedore//oci:{type}",
)
```

and, in `MODULE.bazel`, `register_toolchains("//tools:{name}_toolchain")`."""

stevedore_build_toolchain = rule(
    implementation = _toolchain_impl,
    doc = "The tool that build actions run. Its toolchain says on which *execution* platforms it runs." + _EXAMPLE.format(
        name = "build_tool",
        platform = "exec_compatible_with",
        rule = "stevedore_build_toolchain",
        tool = "stevedore-build",
        type = "build_toolchain_type",
    ),
    attrs = {
        "tool": attr.label(
            doc = "`stevedore-build`: a file, or a target that builds it. It is built for the execution platform.",
            allow_files = True,
            cfg = "exec",
            executable = True,
            mandatory = True,
        ),
    },
    provides = [platform_common.ToolchainInfo],
)

stevedore_deliver_toolchain = rule(
    implementation = _toolchain_impl,
    doc = """The tool that `bazel run` and tests start. Its toolchain says on which machines it runs, with
`target_compatible_with`: the tool is resolved with the host platform as its target platform.""" + _EXAMPLE.format(
        name = "deliver_tool",
        platform = "target_compatible_with",
        rule = "stevedore_deliver_toolchain",
        tool = "stevedore-deliver",
        type = "deliver_toolchain_type",
    ),
    attrs = {
        "tool": attr.label(
            doc = "`stevedore-deliver`: a file, or a target that builds it. It is built for the machine that runs it.",
            allow_files = True,
            cfg = "target",
            executable = True,
            mandatory = True,
        ),
    },
    provides = [platform_common.ToolchainInfo],
)

stevedore_agent_toolchain = rule(
    implementation = _toolchain_impl,
    doc = """The first process of the containers that commands run in. Its toolchain says on which machines it runs, with
`target_compatible_with`: Linux, on the processor of the host platform; on a Mac or on Windows that is the engine's virtual
machine. It must be linked statically, since an image need not have a library.""" + _EXAMPLE.format(
        name = "agent",
        platform = "target_compatible_with",
        rule = "stevedore_agent_toolchain",
        tool = "stevedore-agent",
        type = "agent_toolchain_type",
    ),
    attrs = {
        "tool": attr.label(
            doc = "`stevedore-agent`: a file, or a target that builds it. It is built for the machine that runs it.",
            allow_files = True,
            cfg = "target",
            executable = True,
            mandatory = True,
        ),
    },
    provides = [platform_common.ToolchainInfo],
)
