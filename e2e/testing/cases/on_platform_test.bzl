"""A test that runs another one, which is built for a platform that it names."""

visibility("//platforms")

def _platform_transition_impl(_settings, attr):
    return {"//command_line_option:platforms": str(attr.platform)}

_platform_transition = transition(
    implementation = _platform_transition_impl,
    inputs = [],
    outputs = ["//command_line_option:platforms"],
)

def _on_platform_test_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        content = "#!/bin/sh\nexec \"$TEST_SRCDIR/_main/{}\" \"$@\"\n".format(ctx.executable.test.short_path),
        is_executable = True,
        output = script,
    )
    runfiles = ctx.runfiles([ctx.executable.test])
    return [
        DefaultInfo(
            executable = script,
            runfiles = runfiles.merge(ctx.attr.test[0][DefaultInfo].default_runfiles),
        ),
        RunEnvironmentInfo(inherited_environment = ["DOCKER_HOST"]),
    ]

on_platform_test = rule(
    implementation = _on_platform_test_impl,
    doc = "Runs `test`, whose executable lies among the runfiles of this one.",
    attrs = {
        "platform": attr.label(doc = "The platform.", mandatory = True),
        "test": attr.label(
            doc = "The test.",
            cfg = _platform_transition,
            executable = True,
            mandatory = True,
        ),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    test = True,
)
