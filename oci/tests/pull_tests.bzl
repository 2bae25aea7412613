"""Analysis tests of the targets that a pulled repository has."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//oci:defs.bzl", "oci_image", "oci_incremental_load")
load("//oci:providers.bzl", "OciImageInfo", "OciLayerInfo")
load("//oci/private:pulled.bzl", "pulled_base", "pulled_image", "pulled_layer", "unusable_image")
load(":action_graph.bzl", "actions_behind", "mnemonics")
load(":analysis.bzl", "action_of", "failure_test", "input_names", "make_analysis_test")
load(":fixtures.bzl", "files")

visibility("private")

_HEX = "0123456789abcdef" * 4

_DESCRIPTOR = {
    "digest": "sha256:" + _HEX,
    "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
    "size": 1000,
}

def _layer_test_impl(ctx):
    env = analysistest.begin(ctx)
    action = action_of(env, "FetchBlob")
    asserts.equals(
        env,
        [
            "fetch",
            "--label=//oci/tests:pull_layer",
            "--digest=sha256:" + _HEX,
            "--size=1000",
            "--media-type=application/vnd.oci.image.layer.v1.tar+gzip",
            "--repository=registry.example/base",
            "--from=mirror.example/hub",
            "--insecure",
            "--surroundings=/surroundings.json",
        ],
        action.argv[1:-1],
    )
    asserts.true(env, action.argv[-1].endswith("/pull_layer.tar.gz"), action.argv[-1])
    asserts.equals(env, {}, action.env)

    # Nothing but the tool: no credentials, no path of this machine.
    asserts.equals(env, [], input_names(action))
    asserts.equals(env, ["pull_layer.tar.gz"], input_names(action_of(env, "LayerTar")))

    layer = analysistest.target_under_test(env)[OciLayerInfo]
    asserts.equals(env, "registry", layer.delivered)
    return analysistest.end(env)

_layer_test = make_analysis_test(_layer_test_impl)

def _eager_layer_test_impl(ctx):
    env = analysistest.begin(ctx)
    layer = analysistest.target_under_test(env)[OciLayerInfo]
    asserts.equals(env, "blob", layer.delivered)
    asserts.equals(env, "pull_blob.tar.gz", layer.blob.basename)
    asserts.equals(env, 0, len([
        action
        for action in analysistest.target_actions(env)
        if action.mnemonic == "FetchBlob"
    ]))
    return analysistest.end(env)

_eager_layer_test = make_analysis_test(_eager_layer_test_impl)

def _image_test_impl(ctx):
    env = analysistest.begin(ctx)
    image = analysistest.target_under_test(env)[OciImageInfo]
    asserts.equals(env, ["pull_layer", "pull_plain_layer", "pull_layer"], [layer.label.name for layer in image.layers])
    asserts.equals(env, None, image.base_layout)
    return analysistest.end(env)

_image_test = make_analysis_test(_image_test_impl)

def _is_base(env, name):
    image = analysistest.target_under_test(env)[OciImageInfo]
    asserts.equals(env, name, image.label.name)

def _amd64_test_impl(ctx):
    env = analysistest.begin(ctx)
    _is_base(env, "pull_amd64")
    return analysistest.end(env)

_amd64_test = make_analysis_test(_amd64_test_impl)

def _arm64_test_impl(ctx):
    env = analysistest.begin(ctx)
    _is_base(env, "pull_arm64")
    return analysistest.end(env)

_arm64_test = make_analysis_test(_arm64_test_impl, platform = "macos_arm64")

def _built_on_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    json = [target[OciImageInfo].config, target[OciImageInfo].description]
    asserts.false(env, "FetchBlob" in mnemonics(actions_behind(target, json)), "an image's JSON fetches a layer")
    archive = target[OutputGroupInfo].docker_archive.to_list()
    asserts.true(env, "FetchBlob" in mnemonics(actions_behind(target, archive)), "an archive has no layer")
    return analysistest.end(env)

_built_on_test = make_analysis_test(_built_on_test_impl)

def _load_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    runfiles = target[DefaultInfo].default_runfiles.files.to_list()
    asserts.false(env, "FetchBlob" in mnemonics(actions_behind(target, runfiles)), "a load fetches a layer when it is built")
    return analysistest.end(env)

_load_test = make_analysis_test(_load_test_impl)

def _fixtures():
    files(
        name = "pull_files",
        outs = ["pull.config.json", "pull.manifest.json", "pull.description.json"],
        tags = ["manual"],
    )
    files(name = "pull_blob", outs = ["pull_blob.tar.gz"], tags = ["manual"])
    for name, blob, suffix in [
        ("pull_layer", None, ".tar.gz"),
        ("pull_plain_layer", None, ".tar"),
        ("pull_eager_layer", ":pull_blob", ".tar.gz"),
    ]:
        pulled_layer(
            name = name,
            blob = blob,
            descriptor = json.encode(_DESCRIPTOR),
            diff_id = "sha256:" + _HEX,
            insecure = True,
            mirrors = ["mirror.example/hub"],
            repository = "registry.example/base",
            suffix = suffix,
            tags = ["manual"],
        )
    for name in ["pull_amd64", "pull_arm64"]:
        files(name = name + "_config", outs = [name + "/config.json"], tags = ["manual"])
        files(name = name + "_manifest", outs = [name + "/manifest.json"], tags = ["manual"])
        files(name = name + "_description", outs = [name + "/description.json"], tags = ["manual"])
        pulled_image(
            name = name,
            config = name + "_config",
            description = name + "_description",
            digest = "sha256:" + _HEX,
            layers = [":pull_layer", ":pull_plain_layer"],
            manifest = name + "_manifest",
            order = ["pull_layer", "pull_plain_layer", "pull_layer"],
            tags = ["manual"],
        )
    unusable_image(name = "pull_unusable", error = "layer 1 is encrypted", tags = ["manual"])
    pulled_base(
        name = "pull_base",
        images = {":pull_amd64": "linux/amd64", ":pull_arm64": "linux/arm64"},
        reference = "registry.example/base@sha256:0",
        tags = ["manual"],
    )
    pulled_base(
        name = "pull_base_of_arm",
        images = {":pull_arm64": "linux/arm64"},
        reference = "registry.example/base@sha256:0",
        tags = ["manual"],
        unusable = {"linux/386": "layer 1 is encrypted"},
    )
    pulled_base(
        name = "pull_base_unusable",
        images = {":pull_arm64": "linux/arm64"},
        reference = "registry.example/base@sha256:0",
        tags = ["manual"],
        unusable = {"linux/amd64": "layer 1 is encrypted"},
    )
    pulled_base(
        name = "pull_base_without_platform",
        images = {},
        problems = ["its config has no `os` or no `architecture`"],
        reference = "registry.example/base@sha256:0",
        tags = ["manual"],
    )
    oci_image(name = "pull_built_on", base = ":pull_base", tags = ["manual"])
    oci_incremental_load(name = "pull_load", image = ":pull_built_on", repo_tags = ["a:b"], tags = ["manual"])

def pull_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    _fixtures()
    _layer_test(name = "pull_layer_test", target_under_test = ":pull_layer")
    _eager_layer_test(name = "pull_eager_layer_test", target_under_test = ":pull_eager_layer")
    _image_test(name = "pull_image_test", target_under_test = ":pull_amd64")
    _amd64_test(name = "pull_amd64_test", target_under_test = ":pull_base")
    _arm64_test(name = "pull_arm64_test", target_under_test = ":pull_base")
    _built_on_test(name = "pull_built_on_test", target_under_test = ":pull_built_on")
    _load_test(name = "pull_load_test", target_under_test = ":pull_load")
    failures = {
        "pull_base_of_arm": "which is `linux/amd64` among images): there is `linux/arm64`, `linux/386`",
        "pull_base_unusable": "the image for `linux/amd64` cannot be used: layer 1 is encrypted",
        "pull_base_without_platform": "`registry.example/base@sha256:0` cannot be used: its config has no `os`",
        "pull_unusable": "layer 1 is encrypted",
    }
    for target, message in failures.items():
        failure_test(name = target + "_failure_test", message = message, target_under_test = ":" + target)
    native.test_suite(
        name = name,
        tests = [":pull_{}_test".format(test) for test in [
            "layer",
            "eager_layer",
            "image",
            "amd64",
            "arm64",
            "built_on",
            "load",
        ]] + [":{}_failure_test".format(target) for target in failures],
    )
