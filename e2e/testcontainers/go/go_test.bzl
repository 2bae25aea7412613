"""A Go test that needs modules, by the Go of this machine."""

visibility("private")

# `go` wants absolute paths for its caches, and an action knows none before it runs. They are beside the output, in the
# sandbox, and go with it. Without `mod download`, each module would be told of.
_COMMAND = """\
export GOPROXY="file://$PWD/$2" GOCACHE="$PWD/$4.cache" GOPATH="$PWD/$4.path"
"$1" -C "$3" mod download &&
  exec "$1" -C "$3" test -c -o "$PWD/$4" .
"""

def _go_test_impl(ctx):
    executable = ctx.actions.declare_file(ctx.label.name)
    args = ctx.actions.args()
    args.add(ctx.executable._go)
    args.add(ctx.attr._modules.label.workspace_root + "/modules/cache/download")
    args.add(ctx.file._go_mod.dirname)
    args.add(executable)
    ctx.actions.run_shell(
        mnemonic = "GoTestCompile",
        progress_message = "Compiling %{label}",
        command = _COMMAND,
        arguments = [args],
        inputs = depset(
            ctx.files.srcs + [ctx.file._go_mod, ctx.file._go_sum],
            transitive = [ctx.attr._modules.files],
        ),
        tools = [ctx.executable._go],
        outputs = [executable],
        env = {
            "CGO_ENABLED": "0",
            "GOFLAGS": "-buildvcs=false -mod=readonly -modcacherw -trimpath",
            # What is in `go.sum` was compared; there is nothing to ask for.
            "GOSUMDB": "off",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        },
    )
    return [DefaultInfo(executable = executable)]

go_test = rule(
    doc = "What `go_test` of rules_go is for a project; that rule set comes from a registry.",
    implementation = _go_test_impl,
    test = True,
    attrs = {
        "srcs": attr.label_list(
            doc = "The sources, beside the `go.mod`.",
            allow_files = [".go"],
            mandatory = True,
        ),
        "_go": attr.label(
            allow_single_file = True,
            cfg = "exec",
            default = "@go_modules//:bin/go",
            executable = True,
        ),
        "_go_mod": attr.label(
            allow_single_file = True,
            default = "//go:go.mod",
        ),
        "_go_sum": attr.label(
            allow_single_file = True,
            default = "//go:go.sum",
        ),
        "_modules": attr.label(default = "@go_modules//:modules"),
    },
)
