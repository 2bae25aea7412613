"""A test in JavaScript, by the Node of this machine."""

visibility("private")

def _node_test_impl(ctx):
    # A copy: Node looks for packages beside the file that a link names, and the sources have none beside them.
    executable = ctx.actions.declare_file(ctx.label.name + ".mjs")
    ctx.actions.expand_template(
        template = ctx.file.src,
        output = executable,
        substitutions = {},
        is_executable = True,
    )
    return [DefaultInfo(
        executable = executable,
        runfiles = ctx.runfiles(ctx.files.node_modules),
    )]

node_test = rule(
    doc = "What `js_test` of rules_js is for a project; that rule set comes from a registry.",
    implementation = _node_test_impl,
    test = True,
    attrs = {
        "node_modules": attr.label(
            doc = "The `node_modules` of this package.",
            mandatory = True,
        ),
        "src": attr.label(
            doc = "The module, with a first line that names `node`.",
            allow_single_file = [".mjs"],
            mandatory = True,
        ),
    },
)
