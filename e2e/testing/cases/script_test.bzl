"""A test that is a script, and so is one for every platform."""

visibility("private")

def _script_test_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        content = "\n".join(["#!/bin/sh", "set -eu"] + ctx.attr.commands) + "\n",
        is_executable = True,
        output = script,
    )
    runfiles = ctx.runfiles(ctx.files.data)
    return [DefaultInfo(
        executable = script,
        runfiles = runfiles.merge_all([target[DefaultInfo].default_runfiles for target in ctx.attr.data]),
    )]

script_test = rule(
    implementation = _script_test_impl,
    doc = "Commands of a Bourne shell.",
    attrs = {
        "commands": attr.string_list(doc = "The commands."),
        "data": attr.label_list(allow_files = True, doc = "What the commands read."),
    },
    test = True,
)
