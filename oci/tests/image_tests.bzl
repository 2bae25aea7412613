"""Analysis tests of `oci_image`: its specs, its providers, and what runs when something changes."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//oci:defs.bzl", "oci_healthcheck", "oci_image", "oci_layer")
load("//oci:providers.bzl", "OciImageInfo")
load(":action_graph.bzl", "ActionGraphInfo", "actions_after", "actions_behind", "mnemonics")
load(":analysis.bzl", "action_of", "input_names", "make_analysis_test", "relative_paths")
load(":fixtures.bzl", "files", "tree")

visibility("private")

def _spec_of(action):
    specs = [argument.removeprefix("--spec=") for argument in action.argv if argument.startswith("--spec=")]
    return json.decode(specs[0])

# The config of an image without attributes.
_NOTHING = {
    "architecture": None,
    "author": None,
    "cmd": None,
    "comment": None,
    "created": None,
    "entrypoint": None,
    "env": [],
    "exposed_ports": [],
    "healthcheck": None,
    "history": [],
    "labels": {},
    "layers": [],
    "os": None,
    "os_features": [],
    "os_version": None,
    "reset": [],
    "stop_signal": None,
    "target_architecture": "amd64",
    "target_os": "linux",
    "target_variant": None,
    "user": None,
    "variant": None,
    "volumes": [],
    "workdir": None,
}

_EVERYTHING = {
    "architecture": "arm",
    "author": "me",
    "cmd": ["--port", "80"],
    "comment": "why",
    "created": "2026-01-31T12:00:00Z",
    "entrypoint": ["/app/server"],
    "env": [["B", "$A"], ["A", "1"]],
    "exposed_ports": ["80/tcp", "53/udp"],
    "healthcheck": {"retries": 3, "test": ["NONE"]},
    "history": ["the app"],
    "labels": {"a": "b"},
    "layers": ["//oci/tests:image_app_layer"],
    "os": "linux",
    "os_features": ["x"],
    "os_version": "10",
    "reset": ["env"],
    "stop_signal": "SIGINT",
    "user": "app",
    "variant": "v6",
    "volumes": ["/data"],
    "workdir": "/app",
}

def _spec_test_impl(ctx):
    env = analysistest.begin(ctx)
    label = {"label": "//oci/tests:" + analysistest.target_under_test(env).label.name}
    asserts.equals(env, json.decode(ctx.attr.config) | label, _spec_of(action_of(env, "ImageConfig")))
    asserts.equals(env, json.decode(ctx.attr.manifest) | label, _spec_of(action_of(env, "ImageManifest")))
    return analysistest.end(env)

_spec_test = make_analysis_test(
    _spec_test_impl,
    attrs = {
        "config": attr.string(doc = "JSON"),
        "manifest": attr.string(doc = "JSON"),
    },
)

def _platform_test_impl(ctx):
    env = analysistest.begin(ctx)
    spec = _spec_of(action_of(env, "ImageConfig"))
    found = [spec["target_" + field] for field in ("os", "architecture", "variant")]
    asserts.equals(env, ctx.attr.expected, "/".join([value for value in found if value]))
    return analysistest.end(env)

def _make_platform_test(platform):
    return make_analysis_test(_platform_test_impl, attrs = {"expected": attr.string()}, platform = platform)

_linux_amd64_test = _make_platform_test("linux_amd64")
_linux_arm64_test = _make_platform_test("linux_arm64")
_linux_armv7_test = _make_platform_test("linux_armv7")
_macos_arm64_test = _make_platform_test("macos_arm64")
_windows_amd64_test = _make_platform_test("windows_amd64")

# A test for each target platform, and what an image for it says.
_PLATFORMS = {
    "linux/amd64": _linux_amd64_test,
    "linux/arm/v7": _linux_armv7_test,
    "linux/arm64/v8": _linux_arm64_test,
    # There are no containers of macOS.
    "linux/arm64/v8 on macos": _macos_arm64_test,
    "windows/amd64": _windows_amd64_test,
}

def _providers_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    image = target[OciImageInfo]
    asserts.equals(env, target.label, image.label)
    asserts.equals(
        env,
        ["image_common_layer", "image_tar", "image_app_layer", "image_tgz"],
        [layer.label.name for layer in image.layers],
        "the base's layers come first",
    )
    asserts.equals(env, None, image.base_layout)
    asserts.equals(env, [image.config, image.description], target[DefaultInfo].files.to_list())
    asserts.equals(env, [image.digest], target[OutputGroupInfo].digest.to_list())

    plain, compressed = image.layers[1], image.layers[3]
    asserts.equals(env, "image.tar", plain.tar.basename, "an uncompressed tar is the tar")
    asserts.equals(env, "image.tar.tar.gz", plain.blob.basename)
    asserts.equals(env, "image.tgz", compressed.blob.basename, "a compressed tar is the blob")
    asserts.equals(env, "image.tgz.tar", compressed.tar.basename)
    return analysistest.end(env)

_providers_test = make_analysis_test(_providers_test_impl)

def _metadata_inputs_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.equals(
        env,
        [
            "image_app_layer.layer.json",
            "image_base.config.json",
            "image_base.description.json",
            "image.tgz.layer.json",
        ],
        sorted(input_names(action_of(env, "ImageConfig")), key = _by_stem),
    )
    asserts.equals(
        env,
        [
            "image_app_layer.blob.json",
            "image_app.config.json",
            "image_base.manifest.json",
            "image.tgz.blob.json",
        ],
        sorted(input_names(action_of(env, "ImageManifest")), key = _by_stem),
    )
    return analysistest.end(env)

def _by_stem(name):
    # Longest first among those that begin alike, so that the order does not depend on `.` and `_`.
    return name.replace(".", "~")

_metadata_inputs_test = make_analysis_test(_metadata_inputs_test_impl)

def _layout_base_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    for mnemonic in ["ImageConfig", "ImageManifest"]:
        for name in input_names(action_of(env, mnemonic)):
            asserts.true(env, name.endswith(".json"), "{} reads {}".format(mnemonic, name))
    image = target[OciImageInfo]
    asserts.equals(env, "image_foreign", image.base_layout.basename)
    asserts.equals(
        env,
        ["image_foreign", "text"],
        sorted([file.basename for file in image.base_layout_files.to_list()]),
        "with what the layout's links point to",
    )
    return analysistest.end(env)

_layout_base_test = make_analysis_test(_layout_base_test_impl)

def _once_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    actions = target[ActionGraphInfo].actions.to_list()
    configs = [action for action in actions if action.mnemonic == "ImageConfig" and "two" in action.outputs.to_list()[0].basename]
    asserts.equals(env, 2, len(configs))

    # The very same files go into both images, so each is made by one action, in the target that it comes from.
    inputs = [
        {file: None for file in action.inputs.to_list() if file.basename.endswith(".layer.json")}
        for action in configs
    ]
    asserts.equals(env, inputs[0], inputs[1])
    asserts.equals(
        env,
        ["image_app_layer", "image_predeclared", "image_tar", "image_tgz"],
        sorted([file.owner.name for file in inputs[0]]),
    )
    base_inputs = [
        [file.owner.name for file in action.inputs.to_list() if file.basename.startswith("image_foreign")]
        for action in configs
    ]
    asserts.equals(env, [["image_foreign", "image_foreign"]] * 2, base_inputs, "the base is imported by itself")
    asserts.equals(env, 1, len([action for action in actions if action.mnemonic == "LayerDescribe"]))
    return analysistest.end(env)

_once_test = make_analysis_test(_once_test_impl)

def _change_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    asserts.equals(
        env,
        {
            "ImageConfig": 1,
            # Metadata ends here. These three are output groups, which run only when they are asked for.
            "ImageDockerArchive": 1,
            "ImageIntermediate": 1,
            "ImageLayout": 1,
            "ImageManifest": 1,
            "LayerCompress": 1,
            "LayerDescribe": 1,
            "LayerTar": 1,
        },
        mnemonics(actions_after(target, "oci/tests/image_changing")),
    )
    asserts.equals(
        env,
        {"FileWrite": 2, "ImageConfig": 2, "LayerDescribe": 2},
        mnemonics(actions_behind(target, target[DefaultInfo].files.to_list())),
        "building an image writes no layer",
    )
    return analysistest.end(env)

_change_test = make_analysis_test(_change_test_impl)

def _outputs_test_impl(ctx):
    env = analysistest.begin(ctx)
    label = "--label=//oci/tests:image_app"
    config = "--config=BIN/oci/tests/image_app.config.json"
    manifest = "--manifest=BIN/oci/tests/image_app.manifest.json"
    description = "--description=BIN/oci/tests/image_app.description.json"
    tars = ["--tar=BIN/oci/tests/" + path for path in [
        "image_common_layer.tar",
        "image.tar",
        "image_app_layer.tar",
        "image_tgz.layers/image.tgz.tar",
    ]]
    blobs = ["--blob=BIN/oci/tests/" + path for path in [
        "image_common_layer.tar.gz",
        "image_tar.layers/image.tar.tar.gz",
        "image_app_layer.tar.gz",
        "image.tgz",
    ]]
    expected = {
        "ImageDockerArchive": [
            "docker-archive",
            label,
            "--output=BIN/oci/tests/image_app.docker.tar",
            "--",
            label.replace("--label", "--image"),
            config,
            description,
        ] + tars,
        "ImageIntermediate": ["intermediate", label, config, manifest, description] + tars + blobs +
                             ["--output=BIN/oci/tests/image_app.intermediate"],
        "ImageLayout": ["layout", label, config, manifest] + blobs +
                       ["--output=BIN/oci/tests/image_app.oci_layout"],
    }
    for mnemonic, arguments in expected.items():
        asserts.equals(env, arguments, relative_paths(env, action_of(env, mnemonic).argv[1:]), mnemonic)
    return analysistest.end(env)

_outputs_test = make_analysis_test(_outputs_test_impl)

def _compression_test_impl(ctx):
    env = analysistest.begin(ctx)
    blobs = [layer.blob.basename for layer in analysistest.target_under_test(env)[OciImageInfo].layers]
    asserts.equals(env, ctx.attr.blobs, blobs)
    return analysistest.end(env)

def _make_compression_test(compression):
    return make_analysis_test(
        _compression_test_impl,
        attrs = {"blobs": attr.string_list(doc = "The names of the layers' blobs.")},
        settings = {str(Label("//oci:compression")): compression},
    )

_none_test = _make_compression_test("none")
_zstd_test = _make_compression_test("zstd")

# A layer without attribute, an uncompressed tar, a layer with the attribute, a compressed tar.
_BLOBS = {
    "none": (_none_test, ["image_app_layer.tar", "image.tar", "layer_gzip.tar.gz", "image.tgz"]),
    "zstd": (_zstd_test, ["image_app_layer.tar.zst", "image.tar.tar.zst", "layer_gzip.tar.gz", "image.tgz"]),
}

def image_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    _fixtures()
    tests = {
        "image_change_test": (_change_test, ":image_app"),
        "image_layout_base_test": (_layout_base_test, ":image_two_a"),
        "image_metadata_inputs_test": (_metadata_inputs_test, ":image_app"),
        "image_once_test": (_once_test, ":image_two"),
        "image_outputs_test": (_outputs_test, ":image_app"),
        "image_providers_test": (_providers_test, ":image_app"),
    }
    for test, (rule, target) in tests.items():
        rule(name = test, target_under_test = target)
    for case, config, manifest in [
        ("nothing", _NOTHING, {"annotations": {}}),
        ("everything", _NOTHING | _EVERYTHING, {"annotations": {"x": "y"}}),
    ]:
        test = "image_spec_{}_test".format(case)
        _spec_test(
            name = test,
            config = json.encode(config),
            manifest = json.encode(manifest),
            target_under_test = ":image_" + case,
        )
        tests[test] = None
    for compression, (rule, blobs) in _BLOBS.items():
        test = "image_compression_{}_test".format(compression)
        rule(name = test, blobs = blobs, target_under_test = ":image_compressed")
        tests[test] = None
    for expected, rule in _PLATFORMS.items():
        test = "image_platform_{}_test".format(expected.replace("/", "_").replace(" ", "_"))
        rule(
            name = test,
            expected = expected.partition(" ")[0],
            target_under_test = ":image_nothing",
        )
        tests[test] = None
    native.test_suite(name = name, tests = tests.keys())

def _fixtures():
    for fixture, outs in {
        "image_changing": ["image_changing"],
        "image_common": ["image_common"],
        "image_tar": ["image.tar"],
        "image_tgz": ["image.tgz"],
    }.items():
        files(name = fixture, outs = outs, tags = ["manual"])
    native.genrule(
        name = "image_predeclared",
        outs = ["image_predeclared.tar"],
        cmd = "exit 1",
        tags = ["manual"],
    )
    oci_layer(name = "image_app_layer", srcs = {"/app": ":image_changing"}, tags = ["manual"])
    oci_layer(name = "image_common_layer", srcs = {"/common": ":image_common"}, tags = ["manual"])
    oci_image(name = "image_nothing", tags = ["manual"])
    oci_image(
        name = "image_everything",
        annotations = {"x": "y"},
        architecture = "arm",
        author = "me",
        cmd = ["--port", "80"],
        comment = "why",
        created = "2026-01-31T12:00:00Z",
        entrypoint = ["/app/server"],
        env = {"B": "$A", "A": "1"},
        exposed_ports = ["80", "53/udp"],
        healthcheck = oci_healthcheck(retries = 3, test = ["NONE"]),
        history = ["the app"],
        labels = {"a": "b"},
        layers = [":image_app_layer"],
        os = "linux",
        os_features = ["x"],
        os_version = "10",
        reset = ["env"],
        stop_signal = "SIGINT",
        tags = ["manual"],
        user = "app",
        variant = "v6",
        volumes = ["/data"],
        workdir = "/app",
    )
    oci_image(name = "image_base", layers = [":image_common_layer", ":image_tar"], tags = ["manual"])
    oci_image(
        name = "image_app",
        base = ":image_base",
        layers = [":image_app_layer", ":image_tgz"],
        tags = ["manual"],
    )
    oci_image(
        name = "image_compressed",
        layers = [":image_app_layer", ":image_tar", ":layer_gzip", ":image_tgz"],
        tags = ["manual"],
    )
    tree(name = "image_foreign", linked = [":text"], tags = ["manual"])
    for image in ["image_two_a", "image_two_b"]:
        oci_image(
            name = image,
            base = ":image_foreign",
            layers = [":image_app_layer", ":image_predeclared.tar", ":image_tar", ":image_tgz"],
            tags = ["manual"],
        )
    native.filegroup(name = "image_two", srcs = [":image_two_a", ":image_two_b"], tags = ["manual"])
