"""Analysis tests of `oci_flatten`."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//oci:defs.bzl", "oci_flatten")
load("//oci:providers.bzl", "OciImageInfo")
load(":action_graph.bzl", "actions_behind", "mnemonics")
load(":analysis.bzl", "action_of", "input_names", "make_analysis_test", "relative_paths")

visibility("private")

def _actions_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    image = target[OciImageInfo]
    asserts.equals(env, None, image.base_layout)
    asserts.equals(env, ["flatten_app.tar.zst"], [layer.blob.basename for layer in image.layers])
    asserts.equals(
        env,
        [
            "flatten",
            "--tar=BIN/oci/tests/flatten_app.tar",
            "--label=//oci/tests:flatten_app",
            "--image-config=BIN/oci/tests/image_app.config.json",
            "--image-description=BIN/oci/tests/image_app.description.json",
            "--layer=BIN/oci/tests/image_common_layer.tar",
            "--layer=BIN/oci/tests/image.tar",
            "--layer=BIN/oci/tests/image_app_layer.tar",
            "--layer=BIN/oci/tests/image_tgz.layers/image.tgz.tar",
        ],
        relative_paths(env, action_of(env, "LayerTar").argv[1:]),
    )
    asserts.equals(
        env,
        ["flatten_app.layer.json", "image_app.config.json", "image_app.description.json"],
        input_names(action_of(env, "ImageConfig")),
    )
    asserts.false(
        env,
        "LayerCompress" in mnemonics(actions_behind(target, [image.layers[0].tar, image.config])),
        "what is flattened is not compressed",
    )
    asserts.equals(
        env,
        1,
        mnemonics(actions_behind(target, [image.manifest]))["LayerCompress"],
        "a push compresses only the one layer",
    )
    return analysistest.end(env)

_actions_test = make_analysis_test(_actions_test_impl)

def _layout_test_impl(ctx):
    env = analysistest.begin(ctx)
    inputs = input_names(action_of(env, "LayerDescribe"))
    for name in ["image_foreign", "text"]:
        asserts.true(env, name in inputs, "{} is not among {}".format(name, inputs))
    return analysistest.end(env)

_layout_test = make_analysis_test(_layout_test_impl)

def flatten_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    oci_flatten(name = "flatten_app", compression = "zstd", image = ":image_app", tags = ["manual"])
    oci_flatten(name = "flatten_foreign", image = ":image_foreign", tags = ["manual"])
    _actions_test(name = "flatten_actions_test", target_under_test = ":flatten_app")
    _layout_test(name = "flatten_layout_test", target_under_test = ":flatten_foreign")
    native.test_suite(name = name, tests = [":flatten_actions_test", ":flatten_layout_test"])
