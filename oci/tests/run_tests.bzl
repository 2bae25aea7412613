"""Analysis tests of the rules that run commands: their specs, their actions, and what is in an action's key."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//oci:defs.bzl", "oci_image", "oci_run_and_commit", "oci_run_and_commit_layer", "oci_run_and_extract")
load("//oci:providers.bzl", "OciImageInfo", "OciLayerInfo")
load(":action_graph.bzl", "actions_behind", "mnemonics")
load(":analysis.bzl", "action_of", "input_names", "make_analysis_test", "relative_paths")

visibility("private")

# What is said by a target with nothing but a command.
_PLAIN = {
    "base": {
        "base_layout": None,
        "config": "BIN/oci/tests/image_base.config.json",
        "description": "BIN/oci/tests/image_base.description.json",
        "label": "//oci/tests:image_base",
        "layers": [
            {"tar": "BIN/oci/tests/image_common_layer.tar"},
            {"tar": "BIN/oci/tests/image.tar"},
        ],
    },
    "caches": {},
    "collect": {"layer": {"allow_empty": False, "normalize": True}},
    "commands": ["true"],
    "cpus": None,
    "engine": "daemon",
    "env": {},
    "inputs": [],
    "kind": "run",
    "memory": None,
    "network": "none",
    "secrets": {},
    "shell": ["/bin/sh", "-e", "-c"],
    "timeout": 600,
    "tmpfs": {},
    "user": "",
    "workdir": "",
}

_EVERYTHING = {
    "caches": {"/root/.cache": "pip"},
    "collect": {"layer": {"allow_empty": True, "normalize": False}},
    "commands": ["echo \"$A\" '\\n' {{B}}\n", "$(location x)"],
    "cpus": 1.5,
    "engine": "sandbox",
    "env": {"A": "$PATH"},
    "inputs": [
        {
            "entries": [
                {"path": "1", "source": "BIN/oci/tests/1"},
                {"path": "data/2", "source": "BIN/oci/tests/data/2"},
            ],
            "target": "/in",
        },
        {"entries": [{"path": "", "source": "BIN/oci/tests/data/text"}], "target": "/in/text"},
        {"entries": [{"path": "data/text", "source": "BIN/oci/tests/data/text"}], "target": "/text"},
        {"entries": [{"path": "", "source": "BIN/oci/tests/tree"}], "target": "/tree"},
    ],
    "memory": 512 << 20,
    "network": "host",
    "secrets": {"npm": "file:~/.npmrc", "token": "env:TOKEN"},
    "shell": ["/bin/bash", "-c"],
    "timeout": 5,
    "tmpfs": {"/scratch": 64 << 20, "/tmp": None},
    "user": "app",
    "workdir": "/srv",
}

def _spec_of(env):
    specs = [
        action.content
        for action in analysistest.target_actions(env)
        if action.outputs.to_list()[0].basename.endswith(".run.json")
    ]
    return json.decode(relative_paths(env, specs)[0])

def _spec_test_impl(ctx):
    env = analysistest.begin(ctx)
    label = {"label": "//oci/tests:" + analysistest.target_under_test(env).label.name}
    asserts.equals(env, json.decode(ctx.attr.expected) | label, _spec_of(env))
    return analysistest.end(env)

_SPEC_ATTRS = {"expected": attr.string(doc = "JSON")}

_spec_test = make_analysis_test(_spec_test_impl, attrs = _SPEC_ATTRS)

_sandbox_spec_test = make_analysis_test(
    _spec_test_impl,
    attrs = _SPEC_ATTRS,
    settings = {str(Label("//oci:run_engine")): "sandbox"},
)

def _layer_test_impl(ctx):
    env = analysistest.begin(ctx)
    action = action_of(env, "RunAndCommit")
    arguments = relative_paths(env, action.argv[1:])
    asserts.equals(
        env,
        ["run", "--spec=BIN/oci/tests/run_plain.run.json"],
        arguments[:2],
    )
    asserts.true(env, arguments[2].startswith("--agent="), arguments[2])
    asserts.true(env, arguments[3].startswith("--surroundings=external/"), arguments[3])
    asserts.equals(
        env,
        [
            "--tar=BIN/oci/tests/run_plain.tar",
            "--description=BIN/oci/tests/run_plain.layer.json",
        ],
        arguments[4:],
    )

    # Nothing of this machine is in the action's key.
    asserts.equals(env, {}, action.env)
    asserts.equals(
        env,
        [
            "image.tar",
            "image_base.config.json",
            "image_base.description.json",
            "image_common_layer.tar",
            "run_plain.run.json",
        ],
        input_names(action),
    )

    layer = analysistest.target_under_test(env)[OciLayerInfo]
    asserts.equals(env, ["run_plain.tar", "run_plain.tar.gz"], [layer.tar.basename, layer.blob.basename])
    asserts.equals(env, "tar", layer.delivered)
    asserts.equals(
        env,
        [
            "tar-layer",
            "--label=//oci/tests:run_plain",
            "--source=BIN/oci/tests/run_plain.tar",
            "--blob=BIN/oci/tests/run_plain.tar.gz",
            "--blob-description=BIN/oci/tests/run_plain.blob.json",
            "--compression=gzip",
        ],
        relative_paths(env, action_of(env, "LayerCompress").argv[1:]),
    )
    return analysistest.end(env)

_layer_test = make_analysis_test(_layer_test_impl)

def _uncompressed_test_impl(ctx):
    env = analysistest.begin(ctx)
    layer = analysistest.target_under_test(env)[OciLayerInfo]
    asserts.equals(env, layer.tar, layer.blob)
    asserts.equals(env, ["run_uncompressed.tar"], input_names(action_of(env, "LayerCompress")))
    asserts.equals(env, [layer.blob_description], action_of(env, "LayerCompress").outputs.to_list())
    return analysistest.end(env)

_uncompressed_test = make_analysis_test(_uncompressed_test_impl)

def _image_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    image = target[OciImageInfo]
    asserts.equals(
        env,
        ["image_common_layer", "image_tar", "run_first", "run_second"],
        [layer.label.name for layer in image.layers],
    )
    config = [argument for argument in action_of(env, "ImageConfig").argv if argument.startswith("--spec=")][0]
    spec = json.decode(config.removeprefix("--spec="))
    asserts.equals(env, ["/app"], spec["entrypoint"])
    asserts.equals(env, [["A", "1"]], spec["env"])
    asserts.equals(env, {}, _spec_of(env)["env"], "the image's variables are not the commands'")
    asserts.true(env, "run_first.tar" in input_names(action_of(env, "RunAndCommit")), "the second run has what the first one left")
    asserts.equals(env, 2, mnemonics(actions_behind(target, [image.config]))["RunAndCommit"])
    asserts.false(
        env,
        "LayerCompress" in mnemonics(actions_behind(target, [image.config, image.layers[-1].tar])),
        "a load compresses what commands left",
    )
    return analysistest.end(env)

_image_test = make_analysis_test(_image_test_impl)

def _platform_test_impl(ctx):
    env = analysistest.begin(ctx)
    config = [argument for argument in action_of(env, "ImageConfig").argv if argument.startswith("--spec=")][0]
    asserts.equals(env, "arm64", json.decode(config.removeprefix("--spec="))["target_architecture"])
    return analysistest.end(env)

_platform_test = make_analysis_test(_platform_test_impl)

def _pulled_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    layers = _spec_of(env)["base"]["layers"]
    run = action_of(env, "RunAndExtract")
    fetched = "FetchBlob" in mnemonics(actions_behind(target, run.outputs.to_list()))
    if ctx.attr.engine == "daemon":
        asserts.equals(env, [None, None, None], layers, "an engine is asked first which of a registry's layers it has")
        asserts.false(env, fetched, "a layer is fetched for a daemon")
    else:
        asserts.equals(env, ["blob"] * 3, [layer.keys()[0] for layer in layers])
        asserts.true(env, fetched, "the sandbox does not get a layer's bytes")
    return analysistest.end(env)

_pulled_test = make_analysis_test(_pulled_test_impl, attrs = {"engine": attr.string()})

def _layout_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.equals(env, "BIN/oci/tests/image_foreign", _spec_of(env)["base"]["base_layout"])
    inputs = input_names(action_of(env, "RunAndExtract"))
    for name in ["image_foreign", "text"]:
        asserts.true(env, name in inputs, "{} is not among {}".format(name, inputs))
    return analysistest.end(env)

_layout_test = make_analysis_test(_layout_test_impl)

def _extract_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    asserts.equals(
        env,
        {"files": [
            {"directory": False, "output": "BIN/oci/tests/run/report.txt", "path": "/out/report.txt"},
            {"directory": True, "output": "BIN/oci/tests/run_site", "path": "/srv/site"},
        ]},
        _spec_of(env)["collect"],
    )
    asserts.equals(env, ["/bin/report"], _spec_of(env)["argv"])
    asserts.equals(env, None, _spec_of(env).get("commands"))
    asserts.equals(env, 4, len(action_of(env, "RunAndExtract").argv[1:]), "the outputs are in the spec alone")
    outputs = target[DefaultInfo].files.to_list()
    asserts.equals(env, [False, True], [file.is_directory for file in outputs])
    asserts.equals(env, outputs[:1], getattr(target[OutputGroupInfo], "run/report.txt").to_list())
    return analysistest.end(env)

_extract_test = make_analysis_test(_extract_test_impl)

def run_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    _fixtures()
    tests = {
        "extract": (_extract_test, "extract", {}),
        "image": (_image_test, "second", {}),
        "layer": (_layer_test, "plain", {}),
        "layout": (_layout_test, "on_layout", {}),
        "platform": (_platform_test, "arm64", {}),
        "pulled_daemon": (_pulled_test, "pulled_daemon", {"engine": "daemon"}),
        "pulled_sandbox": (_pulled_test, "pulled_sandbox", {"engine": "sandbox"}),
        "spec_everything": (_spec_test, "everything", {"expected": json.encode(_PLAIN | _EVERYTHING)}),
        "spec_of_setting": (_sandbox_spec_test, "plain", {"expected": json.encode(_PLAIN | {"engine": "sandbox"})}),
        "spec_plain": (_spec_test, "plain", {"expected": json.encode(_PLAIN)}),
        "uncompressed": (_uncompressed_test, "uncompressed", {}),
    }
    for test, (rule, target, arguments) in tests.items():
        rule(name = "run_{}_test".format(test), target_under_test = ":run_" + target, **arguments)
    native.test_suite(name = name, tests = [":run_{}_test".format(test) for test in tests])

def _fixtures():
    oci_run_and_commit_layer(
        name = "run_plain",
        base = ":image_base",
        commands = ["true"],
        tags = ["manual"],
    )
    oci_run_and_commit_layer(
        name = "run_uncompressed",
        argv = ["/bin/true"],
        base = ":image_base",
        compression = "none",
        tags = ["manual"],
    )
    oci_run_and_commit_layer(
        name = "run_everything",
        allow_empty = True,
        base = ":image_base",
        caches = {"/root/.cache": "pip"},
        commands = _EVERYTHING["commands"],
        cpus = "1.5",
        engine = "sandbox",
        inputs = {
            "/in/": ":texts",
            "/in/text": ":text",
            "/text/": ":text",
            "/tree": ":tree",
        },
        memory = "512m",
        network = "host",
        normalize = False,
        run_env = {"A": "$PATH"},
        run_user = "app",
        run_workdir = "/srv",
        secrets = {"npm": "file:~/.npmrc", "token": "env:TOKEN"},
        shell = ["/bin/bash", "-c"],
        tags = ["manual"],
        timeout = 5,
        tmpfs = {"/scratch": "64m", "/tmp": ""},
    )
    oci_run_and_commit(name = "run_first", base = ":image_base", commands = ["one"], tags = ["manual"])
    oci_run_and_commit(
        name = "run_second",
        base = ":run_first",
        commands = ["two"],
        entrypoint = ["/app"],
        env = {"A": "1"},
        tags = ["manual"],
    )
    oci_image(name = "run_nothing", tags = ["manual"])
    oci_run_and_commit(
        name = "run_arm64",
        base = ":run_nothing",
        commands = ["true"],
        platform = ":linux_arm64",
        tags = ["manual"],
    )
    for engine in ["daemon", "sandbox"]:
        oci_run_and_extract(
            name = "run_pulled_" + engine,
            base = ":pull_amd64",
            commands = ["true"],
            engine = engine,
            files = {"/out": "run_pulled_{}.txt".format(engine)},
            tags = ["manual"],
        )
    oci_run_and_extract(
        name = "run_on_layout",
        argv = ["/bin/true"],
        base = ":image_foreign",
        files = {"/out": "run_on_layout.txt"},
        tags = ["manual"],
    )
    oci_run_and_extract(
        name = "run_extract",
        argv = ["/bin/report"],
        base = ":image_base",
        files = {"/out/report.txt": "run/report.txt", "/srv/site/": "run_site"},
        tags = ["manual"],
    )
