"""The repositories of the crates that the test is built from, as `dev/vendor` has written them down."""

load("//rust/crates:defs.bzl", "crate_repositories")

visibility("private")

def _hub_impl(repository_ctx):
    repository_ctx.file("BUILD.bazel", repository_ctx.read(repository_ctx.attr.build_file))
    repository_ctx.file("defs.bzl", repository_ctx.read(repository_ctx.attr.defs_module))

_hub = repository_rule(
    implementation = _hub_impl,
    attrs = {
        "build_file": attr.label(
            doc = "The aliases of the crates that the manifest names.",
            mandatory = True,
        ),
        "defs_module": attr.label(
            doc = "The dependencies of the package.",
            mandatory = True,
        ),
    },
    doc = "Makes the crates available by name, and by the manifest that asks for them.",
)

def _crates_impl(module_ctx):
    _hub(
        name = "crates",
        build_file = Label("//rust/crates:BUILD.bazel"),
        defs_module = Label("//rust/crates:defs.bzl"),
    )
    crate_repositories()
    return module_ctx.extension_metadata(reproducible = True)

crates = module_extension(
    implementation = _crates_impl,
    doc = "Makes one repository for each crate in Cargo.lock, and `crates`, which leads to them.",
)
