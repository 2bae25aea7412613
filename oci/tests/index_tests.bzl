"""Analysis tests of `oci_index`."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//oci:defs.bzl", "oci_image", "oci_index")
load("//oci:providers.bzl", "OciImageInfo", "OciIndexInfo")
load(":analysis.bzl", "action_of", "input_names", "make_analysis_test", "relative_paths")

visibility("private")

def _index_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    action = action_of(env, "ImageIndex")
    asserts.equals(
        env,
        [
            "index",
            "--spec=" + json.encode({"annotations": {"x": "y"}, "label": "//oci/tests:index_two"}),
            "--index=BIN/oci/tests/index_two.index.json",
            "--digest=BIN/oci/tests/index_two.digest",
            "--",
            "--image=//oci/tests:index_arm",
            "--manifest=BIN/oci/tests/index_arm.manifest.json",
            "--config=BIN/oci/tests/index_arm.config.json",
            "--image=//oci/tests:image_foreign",
            "--manifest=BIN/oci/tests/image_foreign.import.manifest.json",
            "--config=BIN/oci/tests/image_foreign.import.config.json",
        ],
        relative_paths(env, action.argv[1:]),
    )
    for name in input_names(action):
        asserts.true(env, name.endswith(".json"), "ImageIndex reads " + name)

    index = target[OciIndexInfo]
    asserts.equals(env, target.label, index.label)
    asserts.equals(env, ["index_arm", "image_foreign"], [image.label.name for image in index.images])
    asserts.equals(env, [index.manifest], target[DefaultInfo].files.to_list())
    asserts.equals(env, [index.digest], target[OutputGroupInfo].digest.to_list())
    asserts.false(env, OciImageInfo in target, "an index is no image")
    return analysistest.end(env)

_index_test = make_analysis_test(_index_test_impl)

def _layout_test_impl(ctx):
    env = analysistest.begin(ctx)
    action = action_of(env, "IndexLayout")
    arguments = relative_paths(env, action.argv[1:])
    asserts.equals(
        env,
        [
            "index-layout",
            "--label=//oci/tests:index_two",
            "--index=BIN/oci/tests/index_two.index.json",
            "--output=BIN/oci/tests/index_two.oci_layout",
            "--",
            "--image=//oci/tests:index_arm",
            "--config=BIN/oci/tests/index_arm.config.json",
            "--manifest=BIN/oci/tests/index_arm.manifest.json",
            "--blob=BIN/oci/tests/image_app_layer.tar.gz",
            "--image=//oci/tests:image_foreign",
            "--config=BIN/oci/tests/image_foreign.import.config.json",
            "--base-layout=BIN/oci/tests/image_foreign",
            "--manifest=BIN/oci/tests/image_foreign.import.manifest.json",
        ],
        arguments,
    )
    asserts.equals(
        env,
        sorted([
            "image_app_layer.tar.gz",
            "image_foreign",
            "image_foreign.import.config.json",
            "image_foreign.import.manifest.json",
            "index_arm.config.json",
            "index_arm.manifest.json",
            "index_two.index.json",
            # What the layout's links point to.
            "text",
        ]),
        input_names(action),
    )
    asserts.equals(
        env,
        action.outputs.to_list(),
        analysistest.target_under_test(env)[OutputGroupInfo].oci_layout.to_list(),
    )
    return analysistest.end(env)

_layout_test = make_analysis_test(_layout_test_impl)

def index_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    oci_image(name = "index_arm", architecture = "arm64", layers = [":image_app_layer"], tags = ["manual"])
    oci_index(
        name = "index_two",
        annotations = {"x": "y"},
        images = [":index_arm", ":image_foreign"],
        tags = ["manual"],
    )
    _index_test(name = "index_index_test", target_under_test = ":index_two")
    _layout_test(name = "index_layout_test", target_under_test = ":index_two")
    native.test_suite(
        name = name,
        tests = [
            ":index_index_test",
            ":index_layout_test",
        ],
    )
