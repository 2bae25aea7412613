"""The repositories of the crates that the tools are built from."""

load("//tools/crates:defs.bzl", "crate_repositories")

visibility("private")

def _hub_impl(repository_ctx):
    repository_ctx.file("BUILD.bazel", repository_ctx.read(repository_ctx.attr.build_file))
    repository_ctx.file("defs.bzl", repository_ctx.read(repository_ctx.attr.defs_module))

# A repository of its own, since it sees all that the extension makes: so
# MODULE.bazel names one repository and not every crate with its version.
_hub = repository_rule(
    implementation = _hub_impl,
    attrs = {
        "build_file": attr.label(
            doc = "The aliases of the crates that the workspace's manifests name.",
            mandatory = True,
        ),
        "defs_module": attr.label(
            doc = "The dependencies of each crate of the workspace.",
            mandatory = True,
        ),
    },
    doc = "Makes the crates available by name, and by the manifest that asks for them.",
)

def _crates_impl(module_ctx):
    _hub(
        name = "stevedore_crates",
        build_file = Label("//tools/crates:BUILD.bazel"),
        defs_module = Label("//tools/crates:defs.bzl"),
    )

    # Each is downloaded only when something that needs it is built; a
    # user of prebuilt tools downloads none.
    crate_repositories()
    return module_ctx.extension_metadata(reproducible = True)

crates = module_extension(
    implementation = _crates_impl,
    doc = "Makes one repository for each crate in tools/Cargo.lock, and `stevedore_crates`, which leads to them.",
)
