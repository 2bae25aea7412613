"""Analysis tests of `oci_index`."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//oci:defs.bzl", "oci_image", "oci_index")
load("//oci:providers.bzl", "OciImageInfo", "OciIndexInfo")
load(":action_graph.bzl", "actions_behind")
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
    asserts.equals(env, ("//oci/tests:index_arm", "//oci/tests:image_foreign"), index.names)
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

def _split_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    index = target[OciIndexInfo]

    # In the order of `platforms`, which neither their names nor their configurations have.
    names = (
        "//oci/tests:index_any for //oci/tests:linux_armv7",
        "//oci/tests:index_any for //oci/tests:linux_amd64",
        "//oci/tests:index_any for //oci/tests:linux_arm64",
    )
    asserts.equals(env, names, index.names)
    asserts.equals(env, ["index_any"] * 3, [image.label.name for image in index.images])
    asserts.equals(
        env,
        ["arm", "amd64", "arm64"],
        [_target_architecture(target, image) for image in index.images],
    )
    for mnemonic in ["ImageIndex", "IndexLayout"]:
        argv = action_of(env, mnemonic).argv
        asserts.equals(env, ["--image=" + name for name in names], [argument for argument in argv if argument.startswith("--image=")])
        asserts.equals(
            env,
            [image.manifest.path for image in index.images],
            [argument.partition("=")[2] for argument in argv if argument.startswith("--manifest=")],
        )
    return analysistest.end(env)

def _target_architecture(target, image):
    """Returns the architecture of the platform that an image was built for."""
    action = [action for action in actions_behind(target, [image.config]) if action.mnemonic == "ImageConfig"][0]
    spec = [argument for argument in action.argv if argument.startswith("--spec=")][0]
    return json.decode(spec.partition("=")[2])["target_architecture"]

_split_test = make_analysis_test(_split_test_impl)

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
    oci_image(name = "index_any", layers = [":image_app_layer"], tags = ["manual"])
    native.alias(name = "index_platform_alias", actual = ":linux_arm64")
    oci_index(
        name = "index_split",
        image = ":index_any",
        platforms = [":linux_armv7", ":linux_amd64", ":index_platform_alias"],
        tags = ["manual"],
    )
    _split_test(name = "index_split_test", target_under_test = ":index_split")
    native.test_suite(
        name = name,
        tests = [
            ":index_index_test",
            ":index_layout_test",
            ":index_split_test",
        ],
    )
