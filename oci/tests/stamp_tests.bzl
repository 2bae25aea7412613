"""Analysis tests of attributes of `oci_image` that come from files, and from the workspace status."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//oci:defs.bzl", "oci_image")
load(":action_graph.bzl", "ActionGraphInfo")
load(":analysis.bzl", "action_of", "input_names", "make_analysis_test", "relative_paths")

visibility("private")

def _stamp_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    stamped = [
        action.mnemonic
        for action in analysistest.target_actions(env)
        if [argument for argument in action.argv or [] if "-status=" in argument]
    ]
    asserts.equals(env, ctx.attr.stamped, sorted(stamped))
    files = [
        argument.rpartition("/")[2]
        for mnemonic in ["ImageConfig", "ImageManifest"]
        for argument in relative_paths(env, action_of(env, mnemonic).argv)
        if argument.partition("=")[0] in ["--annotations-file", "--created-file", "--env-file", "--labels-file"]
    ]
    asserts.equals(env, ctx.attr.files, files)
    layers = [action for action in target[ActionGraphInfo].actions.to_list() if action.mnemonic.startswith("Layer")]
    asserts.equals(env, 3, len(layers))
    for action in layers:
        asserts.equals(env, [], [name for name in input_names(action) if "status" in name], "no layer depends on the status")
    return analysistest.end(env)

_STAMP_TEST = {
    "attrs": {
        "files": attr.string_list(doc = "Files with attributes."),
        "stamped": attr.string_list(doc = "The actions that read the workspace status."),
    },
}

_stamp_test = make_analysis_test(_stamp_test_impl, **_STAMP_TEST)

_with_stamp_flag_test = make_analysis_test(
    _stamp_test_impl,
    settings = {"//command_line_option:stamp": True},
    **_STAMP_TEST
)

# Arguments of an image, the files with its attributes, and which actions read the workspace status without --stamp and with it.
_STAMPED = {
    "annotation": ({"annotations": {"a": "{{B}}"}}, [], [], ["ImageManifest"]),
    "always": ({"created": "{{BUILD_TIMESTAMP}}", "stamp": 1}, [], ["ImageConfig"], ["ImageConfig"]),
    "files": (
        {"annotations": ":text", "created": ":text", "env": ":text", "labels": Label(":text")},
        ["text", "text", "text", "text"],
        [],
        ["ImageConfig", "ImageManifest"],
    ),
    "label": ({"labels": {"a": "{{B}}"}}, [], [], ["ImageConfig"]),
    "never": ({"labels": {"a": "{{B}}"}, "stamp": 0}, [], [], []),
    "nothing": ({"labels": {"a": "b"}}, [], [], []),
}

def stamp_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    tests = []
    for case, (arguments, file_names, stamped, stamped_with_flag) in _STAMPED.items():
        target = "image_stamped_" + case
        oci_image(name = target, layers = [":image_app_layer"], tags = ["manual"], **arguments)
        for rule, test, expected in [
            (_stamp_test, target + "_test", stamped),
            (_with_stamp_flag_test, target + "_with_flag_test", stamped_with_flag),
        ]:
            rule(name = test, files = file_names, stamped = expected, target_under_test = ":" + target)
            tests.append(test)
    native.test_suite(name = name, tests = tests)
