"""Analysis tests of the toolchains: which tool is used where."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//oci:defs.bzl", "oci_incremental_load")
load("//oci:toolchain.bzl", "stevedore_agent_toolchain", "stevedore_build_toolchain", "stevedore_deliver_toolchain")
load(":analysis.bzl", "action_of", "make_analysis_test")
load(":fixtures.bzl", "runnable")

visibility("private")

def _deliver_tool_test_impl(ctx):
    env = analysistest.begin(ctx)
    linked = action_of(env, "ExecutableSymlink").inputs.to_list()[0]
    asserts.equals(env, "toolchain_macos_tool", linked.basename)
    asserts.true(env, "-opt" in linked.path, "`{}` is optimised".format(linked.path))
    executable = analysistest.target_under_test(env)[DefaultInfo].files_to_run.executable
    asserts.equals(env, "toolchain_load", executable.basename)
    return analysistest.end(env)

# The image is for Linux, the machine that loads it is a Mac.
_deliver_tool_test = make_analysis_test(
    _deliver_tool_test_impl,
    settings = {
        "//command_line_option:compilation_mode": "dbg",
        "//command_line_option:host_platform": str(Label("//oci/tests:macos_arm64")),
    },
    toolchains = [
        "fake_build_toolchain",
        "toolchain_linux",
        "toolchain_macos",
    ],
)

def _build_tool_test_impl(ctx):
    env = analysistest.begin(ctx)
    tool = action_of(env, "ImageTags").argv[0]
    asserts.true(env, tool.endswith("/oci/tests/fake_tool"), tool)
    asserts.true(env, "-exec" in tool, "`{}` is built for the execution platform".format(tool))
    return analysistest.end(env)

_build_tool_test = make_analysis_test(_build_tool_test_impl)

def _prebuilt_tool_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.equals(env, "oci/tests/BUILD.bazel", action_of(env, "ImageTags").argv[0])
    linked = action_of(env, "ExecutableSymlink").inputs.to_list()
    asserts.equals(env, ["oci/tests/BUILD.bazel"], [file.path for file in linked])
    return analysistest.end(env)

# A file that is already there is a tool, too.
_prebuilt_tool_test = make_analysis_test(
    _prebuilt_tool_test_impl,
    toolchains = [
        "toolchain_prebuilt_build",
        "toolchain_prebuilt_deliver",
    ],
)

def _agent_test_impl(ctx):
    env = analysistest.begin(ctx)
    files = analysistest.target_under_test(env)[DefaultInfo].files.to_list()
    asserts.equals(env, [ctx.attr.expected], [file.basename for file in files])
    asserts.true(env, "-opt" in files[0].path, "`{}` is optimised".format(files[0].path))
    return analysistest.end(env)

def _make_agent_test(host_platform, *, special):
    return make_analysis_test(
        _agent_test_impl,
        attrs = {"expected": attr.string(mandatory = True)},
        # The image's platform, which does not matter.
        platform = "linux_armv7",
        settings = {
            "//command_line_option:compilation_mode": "dbg",
            "//command_line_option:host_platform": str(Label("//oci/tests:" + host_platform)),
        },
        # The last one is preferred.
        toolchains = ["toolchain_agent_linux", special],
    )

_agent_on_linux_test = _make_agent_test("linux_arm64", special = "toolchain_agent_arm64")

_agent_on_macos_test = _make_agent_test("macos_arm64", special = "toolchain_agent_macos")

def toolchain_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    for os in ["linux", "macos"]:
        prefix = "toolchain_" + os
        runnable(name = prefix + "_tool", data = [":text"], tags = ["manual"])
        stevedore_deliver_toolchain(name = prefix + "_deliver", tags = ["manual"], tool = prefix + "_tool")
        native.toolchain(
            name = prefix,
            target_compatible_with = ["@platforms//os:" + os],
            toolchain = prefix + "_deliver",
            toolchain_type = "//oci:deliver_toolchain_type",
        )
    for case, constraint in [
        ("arm64", "@platforms//cpu:aarch64"),
        ("linux", "@platforms//os:linux"),
        ("macos", "@platforms//os:macos"),
    ]:
        prefix = "toolchain_agent_" + case
        runnable(name = prefix + "_program", data = [":text"], tags = ["manual"])
        stevedore_agent_toolchain(name = prefix + "_tool", tags = ["manual"], tool = prefix + "_program")
        native.toolchain(
            name = prefix,
            target_compatible_with = [constraint],
            toolchain = prefix + "_tool",
            toolchain_type = "//oci:agent_toolchain_type",
        )
    for kind, rule in [
        ("build", stevedore_build_toolchain),
        ("deliver", stevedore_deliver_toolchain),
    ]:
        prefix = "toolchain_prebuilt_" + kind
        rule(name = prefix + "_tool", tags = ["manual"], tool = "BUILD.bazel")
        native.toolchain(
            name = prefix,
            toolchain = prefix + "_tool",
            toolchain_type = "//oci:{}_toolchain_type".format(kind),
        )
    oci_incremental_load(name = "toolchain_load", image = ":image_nothing", tags = ["manual"])
    _agent_on_linux_test(
        name = "toolchain_agent_on_linux_test",
        expected = "toolchain_agent_arm64_program",
        target_under_test = "//oci:agent",
    )
    _agent_on_macos_test(
        name = "toolchain_agent_on_macos_test",
        expected = "toolchain_agent_linux_program",
        target_under_test = "//oci:agent",
    )
    _build_tool_test(name = "toolchain_build_tool_test", target_under_test = ":toolchain_load")
    _deliver_tool_test(name = "toolchain_deliver_tool_test", target_under_test = ":toolchain_load")
    _prebuilt_tool_test(name = "toolchain_prebuilt_tool_test", target_under_test = ":toolchain_load")
    native.test_suite(
        name = name,
        tests = [
            ":toolchain_agent_on_linux_test",
            ":toolchain_agent_on_macos_test",
            ":toolchain_build_tool_test",
            ":toolchain_deliver_tool_test",
            ":toolchain_prebuilt_tool_test",
        ],
    )
