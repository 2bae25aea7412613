"""A test that is a script, and so is one for every platform; dev/bench has tests of it, too."""

visibility("//platforms")

def _script_test_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name)
    commands = [ctx.expand_location(command, ctx.attr.data) for command in ctx.attr.commands]
    ctx.actions.write(
        content = "\n".join(["#!/bin/sh", "set -eu"] + commands) + "\n",
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
        "commands": attr.string_list(doc = "The commands, in which `$(rootpath …)` stands for a file of `data`."),
        "data": attr.label_list(allow_files = True, doc = "What the commands read."),
    },
    test = True,
)
