"""Repositories of prebuilt tools: one for each binary, and one that holds the toolchains.

Bazel chooses a toolchain by what the second one says, and downloads only the binary behind the chosen one.
"""

visibility(["//oci/..."])

# What a key like `linux_amd64` means to Bazel. The keys are Go's names, as in an image's platform.
PREBUILT_PLATFORMS = {
    "darwin_amd64": ["@platforms//os:macos", "@platforms//cpu:x86_64"],
    "darwin_arm64": ["@platforms//os:macos", "@platforms//cpu:aarch64"],
    "linux_amd64": ["@platforms//os:linux", "@platforms//cpu:x86_64"],
    "linux_arm64": ["@platforms//os:linux", "@platforms//cpu:aarch64"],
    "windows_amd64": ["@platforms//os:windows", "@platforms//cpu:x86_64"],
}

_TOOL_BUILD = """load("{toolchain_bzl}", "{rule}")

{rule}(
    name = "toolchain",
    tool = "{file}",
    visibility = ["//visibility:public"],
)
"""

def _prebuilt_tool_impl(repository_ctx):
    file = repository_ctx.attr.file
    repository_ctx.download(
        executable = True,
        output = file,
        sha256 = repository_ctx.attr.sha256,
        url = repository_ctx.attr.urls,
    )
    repository_ctx.file("BUILD.bazel", _TOOL_BUILD.format(
        file = file,
        rule = repository_ctx.attr.rule,
        toolchain_bzl = Label("//oci:toolchain.bzl"),
    ))

prebuilt_tool = repository_rule(
    implementation = _prebuilt_tool_impl,
    doc = "Downloads one binary and makes it a toolchain's tool.",
    attrs = {
        "file": attr.string(
            doc = "The binary's file name.",
            mandatory = True,
        ),
        "rule": attr.string(
            doc = "The toolchain's rule.",
            mandatory = True,
        ),
        "sha256": attr.string(
            doc = "The binary's digest, in hex.",
            mandatory = True,
        ),
        "urls": attr.string_list(
            doc = "Where the binary is, tried in order.",
            mandatory = True,
        ),
    },
)

_TOOLCHAIN = """
toolchain(
    name = "{name}",
    {compatible_with} = {constraints},
    toolchain = "{toolchain}",
    toolchain_type = "{toolchain_type}",
)
"""

def _prebuilt_toolchains_impl(repository_ctx):
    blocks = ['"""Toolchains with prebuilt tools."""\n']
    for name, repository in repository_ctx.attr.tools.items():
        kind, _, platform = name.partition("_")
        blocks.append(_TOOLCHAIN.format(
            # A build tool runs where actions run, the others run on the platform that they are resolved for.
            compatible_with = "exec_compatible_with" if kind == "build" else "target_compatible_with",
            constraints = [str(Label(constraint)) for constraint in PREBUILT_PLATFORMS[platform]],
            name = name,
            toolchain = "@{}//:toolchain".format(repository),
            toolchain_type = Label("//oci:{}_toolchain_type".format(kind)),
        ))
    repository_ctx.file("BUILD.bazel", "".join(blocks))

prebuilt_toolchains = repository_rule(
    implementation = _prebuilt_toolchains_impl,
    doc = "Holds the toolchains whose tools are other repositories.",
    attrs = {
        "tools": attr.string_dict(
            doc = "Names like `build_linux_amd64`, and the repositories that have the tool.",
            mandatory = True,
        ),
    },
)
