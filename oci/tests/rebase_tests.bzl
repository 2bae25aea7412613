"""Analysis tests of `oci_rebase`."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//oci:defs.bzl", "oci_image", "oci_rebase")
load("//oci:providers.bzl", "OciImageInfo")
load(":analysis.bzl", "action_of", "input_names", "make_analysis_test")

visibility("private")

def _layers_test_impl(ctx):
    env = analysistest.begin(ctx)
    image = analysistest.target_under_test(env)[OciImageInfo]
    asserts.equals(env, ctx.attr.layers, [layer.label.name for layer in image.layers])
    asserts.equals(env, ctx.attr.base_layout, image.base_layout.basename if image.base_layout else "")
    for mnemonic in ["ImageConfig", "ImageManifest"]:
        for name in input_names(action_of(env, mnemonic)):
            asserts.true(env, name.endswith(".json"), "{} reads {}".format(mnemonic, name))
    return analysistest.end(env)

_layers_test = make_analysis_test(
    _layers_test_impl,
    attrs = {
        "base_layout": attr.string(doc = "The name of the layout below the layers."),
        "layers": attr.string_list(doc = "The names of the layers' targets."),
    },
)

def _collected_test_impl(ctx):
    env = analysistest.begin(ctx)
    image = analysistest.target_under_test(env)[OciImageInfo]
    asserts.equals(env, (), image.layers)
    asserts.equals(env, "rebase_collected.rebased", image.base_layout.basename)
    inputs = input_names(action_of(env, "CollectLayout"))
    for name in ["image_app_layer.tar.gz", "image.tgz", "image_foreign", "text"]:
        asserts.true(env, name in inputs, "{} is not among {}".format(name, inputs))
    asserts.equals(env, ["rebase_collected.rebased"], input_names(action_of(env, "ImportLayout")))
    return analysistest.end(env)

_collected_test = make_analysis_test(_collected_test_impl)

def rebase_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    oci_image(name = "rebase_other", layers = [":layer_gzip"], tags = ["manual"])
    oci_image(name = "rebase_upper", base = ":image_foreign", layers = [":image_app_layer"], tags = ["manual"])
    for target, arguments in {
        "rebase_collected": {"image": ":image_foreign", "new_base": ":image_app", "old_base": ":image_base"},
        "rebase_files": {"image": ":image_app", "new_base": ":rebase_other", "old_base": ":image_base"},
        "rebase_from_layout": {"image": ":rebase_upper", "new_base": ":rebase_other", "old_base": ":image_foreign"},
        "rebase_to_layout": {"image": ":image_app", "new_base": ":image_foreign", "old_base": ":image_base"},
    }.items():
        oci_rebase(name = target, tags = ["manual"], **arguments)
    _collected_test(name = "rebase_collected_test", target_under_test = ":rebase_collected")
    tests = [":rebase_collected_test"]
    for case, layers, base_layout in [
        ("files", ["layer_gzip", "image_app_layer", "image_tgz"], ""),
        ("from_layout", ["layer_gzip", "image_app_layer"], ""),
        ("to_layout", ["image_app_layer", "image_tgz"], "image_foreign"),
    ]:
        test = "rebase_{}_test".format(case)
        _layers_test(name = test, base_layout = base_layout, layers = layers, target_under_test = ":rebase_" + case)
        tests.append(test)
    native.test_suite(name = name, tests = tests)
