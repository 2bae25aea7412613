"""The modules that a `go.mod` requires, for builds without a network."""

visibility("private")

_BUILD = """\
exports_files(["bin/go"], visibility = ["//visibility:public"])

# A module proxy, as a folder.
filegroup(
    name = "modules",
    srcs = glob(["modules/cache/download/**"]),
    visibility = ["//visibility:public"],
)
"""

def _go_modules_impl(ctx):
    go = ctx.which("go")
    if not go:
        fail("`go` is not on PATH: install Go, or leave the package `//go` out")
    for file in [ctx.attr.go_mod, ctx.attr.go_sum]:
        ctx.file(file.name, ctx.read(file), executable = False)
    ctx.report_progress("downloading the modules of `{}`".format(ctx.attr.go_mod))
    result = ctx.execute(
        [go, "mod", "download"],
        environment = {
            "GOFLAGS": "-modcacherw",
            "GOMODCACHE": str(ctx.path("modules")),
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        },
    )
    if result.return_code != 0:
        fail("`go mod download` of `{}` failed:\n{}".format(ctx.attr.go_mod, result.stderr))

    # The archives are enough; `go` unpacks what it builds, and checks it again.
    for entry in ctx.path("modules").readdir():
        if entry.basename != "cache":
            ctx.delete(entry)
    ctx.symlink(go, "bin/go")
    ctx.file("BUILD.bazel", _BUILD, executable = False)

go_modules = repository_rule(
    doc = """\
Downloads the modules that a `go.mod` requires. `go` compares each of them with `go.sum`; where they come from is its
own setting (`GOPROXY`). The `go` on `PATH` comes along as `bin/go`.""",
    implementation = _go_modules_impl,
    attrs = {
        "go_mod": attr.label(
            doc = "The `go.mod`.",
            allow_single_file = ["go.mod"],
            mandatory = True,
        ),
        "go_sum": attr.label(
            doc = "The `go.sum` beside it.",
            allow_single_file = ["go.sum"],
            mandatory = True,
        ),
    },
)
