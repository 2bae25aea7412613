"""Rules that make the kinds of targets which layers and images are made of."""

visibility("private")

def _tree_impl(ctx):
    directory = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run_shell(command = "exit 1", outputs = [directory])
    return [DefaultInfo(
        files = depset([directory]),
        runfiles = ctx.runfiles(ctx.files.linked),
    )]

tree = rule(
    implementation = _tree_impl,
    doc = "A directory, as rules_oci's images and many other rules' outputs are.",
    attrs = {"linked": attr.label_list(
        doc = "Files that links in the directory point to.",
        allow_files = True,
    )},
)

def _runnable_impl(ctx):
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(executable, "", is_executable = True)
    return [DefaultInfo(
        executable = executable,
        runfiles = ctx.runfiles(
            ctx.files.data,
            root_symlinks = {"root/link": ctx.files.data[0]},
            symlinks = {"pkg/link": ctx.files.data[0]},
        ),
    )]

runnable = rule(
    implementation = _runnable_impl,
    doc = "An executable with runfiles of every kind that Starlark can make.",
    attrs = {"data": attr.label_list(allow_files = True)},
    executable = True,
)

def _files_impl(ctx):
    outputs = [ctx.actions.declare_file(name) for name in ctx.attr.outs]
    for output in outputs:
        ctx.actions.write(output, "")
    return [DefaultInfo(files = depset(outputs))]

files = rule(
    implementation = _files_impl,
    doc = "Files with given names, and none with none.",
    attrs = {"outs": attr.string_list()},
)

def _probe_test_impl(ctx):
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(executable, "", is_executable = True)
    providers = [DefaultInfo(executable = executable, runfiles = ctx.runfiles(ctx.files.data))]
    if ctx.attr.tells:
        providers += [
            RunEnvironmentInfo(
                environment = ctx.attr.env,
                inherited_environment = ctx.attr.env_inherit,
            ),
            testing.ExecutionInfo({"requires-probe": ""}),
        ]
    return providers

probe_test = rule(
    implementation = _probe_test_impl,
    doc = "A test that tells its variables, or does not and has attributes that are called like Bazel's.",
    attrs = {
        "data": attr.label_list(allow_files = True),
        "deps": attr.label_list(),
        "env": attr.string_dict(),
        "env_inherit": attr.string_list(),
        "srcs": attr.label_list(allow_files = True),
        "tells": attr.bool(),
        "tools": attr.label_list(cfg = "exec"),
    },
    test = True,
)

def _variables_impl(ctx):
    return [platform_common.TemplateVariableInfo(ctx.attr.variables)]

variables = rule(
    implementation = _variables_impl,
    doc = "Make variables, for the attribute `toolchains`.",
    attrs = {"variables": attr.string_dict()},
)
