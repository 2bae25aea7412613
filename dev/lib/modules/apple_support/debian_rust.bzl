"""The Rust compiler that Debian's packages install, as a repository."""

_BUILD = """\
load("@rules_rust//rust:toolchain.bzl", "rust_stdlib_filegroup")

package(default_visibility = ["//visibility:public"])

exports_files(glob(["bin/*"]))

# What the compiler itself is: its own program only loads this library.
filegroup(
    name = "rustc_lib",
    srcs = glob(["lib/librustc_driver-*.so"]),
)

# Since Rust 1.9x an rlib holds a stub of the metadata; the .rmeta file has it.
rust_stdlib_filegroup(
    name = "rust_std",
    srcs = glob([
        "lib/rustlib/*/lib/*.rlib",
        "lib/rustlib/*/lib/*.rmeta",
        "lib/rustlib/*/lib/*.so",
        "lib/rustlib/*/lib/*.a",
    ], allow_empty = True),
)
"""

_PROGRAMS = ["cargo", "clippy-driver", "rustc", "rustdoc", "rustfmt"]

def _debian_rust_repository_impl(repository_ctx):
    for program in _PROGRAMS:
        repository_ctx.symlink("/usr/bin/" + program, "bin/" + program)
    arch = repository_ctx.os.arch
    multiarch = {"aarch64": "aarch64", "amd64": "x86_64"}.get(arch)
    if not multiarch:
        fail("no Rust toolchain for the architecture `{}` here".format(arch))
    libraries = repository_ctx.path("/usr/lib/{}-linux-gnu".format(multiarch))
    for library in libraries.readdir():
        if library.basename.startswith("librustc_driver-"):
            repository_ctx.symlink(library, "lib/" + library.basename)

    # The triple's folder is linked as a whole: globs follow links.
    target = "{}-unknown-linux-gnu".format(multiarch)
    repository_ctx.symlink("/usr/lib/rustlib/{}/lib".format(target), "lib/rustlib/{}/lib".format(target))
    repository_ctx.file("BUILD.bazel", _BUILD)

_debian_rust_repository = repository_rule(
    implementation = _debian_rust_repository_impl,
    doc = "Links to the programs and libraries of Debian's rustc, cargo, rustfmt and clippy.",
    local = True,
)

def _debian_rust_impl(module_ctx):
    _debian_rust_repository(name = "debian_rust")
    return module_ctx.extension_metadata(reproducible = True)

debian_rust = module_extension(
    implementation = _debian_rust_impl,
    doc = "Makes the repository `debian_rust`.",
)
