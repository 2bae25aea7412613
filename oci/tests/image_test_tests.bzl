"""Analysis tests of `oci_image_test`."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts", "unittest")
load("//oci:defs.bzl", "oci_expected_command", "oci_expected_file", "oci_image_test")
load("//oci/private:expected_command.bzl", "expected_command_error")
load("//oci/private:expected_file.bzl", "expected_file_error")
load("//oci/private:image_test_layers.bzl", "carried_by_test")
load(":analysis.bzl", "failure_test", "make_analysis_test")

visibility("private")

def _spec_of(env):
    """Returns the decoded spec of the target under test."""
    name = analysistest.target_under_test(env).label.name + ".delivery.json"
    return json.decode([
        action
        for action in analysistest.target_actions(env)
        if action.outputs.to_list()[0].basename == name
    ][0].content)

def _runfiles_of(env):
    """Returns the runfiles paths of the target under test that belong to its image or its spec."""
    runfiles = analysistest.target_under_test(env)[DefaultInfo].default_runfiles
    return ["_main/" + file.short_path for file in runfiles.files.to_list()]

def _config_test_impl(ctx):
    env = analysistest.begin(ctx)
    spec = _spec_of(env)
    asserts.equals(
        env,
        {
            "containers": None,
            "expected": {
                "absent": [],
                "commands": [],
                "config": {
                    "cmd": [],
                    "env": {"A": "b"},
                    "exposed_ports": ["80/tcp", "53/udp"],
                    "labels_match": {"l": "^v"},
                    "user": "",
                },
                "exempt": [],
                "files": {},
                "layers": {"count": 5, "max_size": 1 << 20},
                "policies": [],
            },
            "image": {
                "base_layout": "_main/oci/tests/image_foreign",
                "config": "_main/oci/tests/image_two_a.config.json",
                "description": "_main/oci/tests/image_two_a.description.json",
                "label": "//oci/tests:image_two_a",
                "layers": [None] * 4,
            },
            "kind": "image_test",
            "label": "//oci/tests:image_test_config",
        },
        spec,
    )
    runfiles = _runfiles_of(env)
    asserts.equals(env, [], [path for path in runfiles if path.endswith((".tar", ".tar.gz"))])
    asserts.false(env, RunEnvironmentInfo in analysistest.target_under_test(env), "it looks for an engine")
    return analysistest.end(env)

# No container is made, so neither is what runs in one.
_config_test = make_analysis_test(
    _config_test_impl,
    toolchains = [
        "fake_build_toolchain",
        "fake_deliver_toolchain",
        "image_test_broken_agent_toolchain",
    ],
)

def _files_test_impl(ctx):
    env = analysistest.begin(ctx)
    spec = _spec_of(env)
    layers = [layer["tar"] for layer in spec["image"]["layers"]]
    asserts.equals(env, 4, len(layers))
    runfiles = _runfiles_of(env)
    asserts.equals(env, [], [path for path in layers if path not in runfiles])
    nothing = {"lacks": [], "matches": [], "text": None}
    asserts.equals(
        env,
        {
            "/a": {
                "content": nothing | {"matches": ["x"]},
                "content_file": "_main/oci/tests/data/text",
                "mode": None,
                "owner": "app:app",
                "target": None,
                "type": None,
            },
            "/b": {"content_file": "_main/oci/tests/data/text"},
        },
        spec["expected"]["files"],
    )
    asserts.equals(env, ["no_shell"], spec["expected"]["policies"])
    asserts.true(env, "_main/oci/tests/data/text" in runfiles, "the expected content is in the runfiles")
    return analysistest.end(env)

_files_test = make_analysis_test(_files_test_impl)

def _commands_test_impl(ctx):
    env = analysistest.begin(ctx)
    spec = _spec_of(env)
    asserts.equals(
        env,
        [("one", ["/bin/sh", "-c", "echo $A"], 60), ("two", [], 5)],
        [(command["name"], command["argv"], command["timeout"]) for command in spec["expected"]["commands"]],
    )
    containers = spec["containers"]
    asserts.equals(env, ("daemon", "none", "skip"), (containers["engine"], containers["network"], containers["without_engine"]))
    runfiles = _runfiles_of(env)
    for file in [containers["agent"], containers["tags"]] + [layer["tar"] for layer in spec["image"]["layers"]]:
        asserts.true(env, file in runfiles, file + " is in the runfiles")
    inherited = analysistest.target_under_test(env)[RunEnvironmentInfo].inherited_environment
    asserts.true(env, "DOCKER_HOST" in inherited, "it finds the engine")
    return analysistest.end(env)

_commands_test = make_analysis_test(_commands_test_impl)

def _requirements_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    requirements = target[testing.ExecutionInfo].requirements if testing.ExecutionInfo in target else {}
    asserts.equals(env, ctx.attr.expected, requirements.keys())
    return analysistest.end(env)

_requirements_test = make_analysis_test(
    _requirements_test_impl,
    attrs = {"expected": attr.string_list(doc = "What is wanted of where the test runs.")},
)

# Attributes, and what is wanted of where the test runs.
_REQUIREMENTS = {
    "commands": ({"commands": {"a": oci_expected_command()}}, []),
    "config_of_pulled": ({"image": ":pull_built_on", "network": "host", "user": ""}, []),
    "files_and_commands": ({"absent": ["/a"], "commands": {"a": oci_expected_command()}, "image": ":pull_built_on"}, []),
    "files_of_pulled": ({"absent": ["/a"], "engine": "sandbox", "image": ":pull_built_on"}, []),
    "network": ({"commands": {"a": oci_expected_command()}, "network": "default"}, ["requires-network"]),
    "pulled": ({"commands": {"a": oci_expected_command()}, "image": ":pull_built_on"}, ["requires-network"]),
    "pulled_in_sandbox": ({"commands": {"a": oci_expected_command()}, "engine": "sandbox", "image": ":pull_built_on"}, ["no-sandbox"]),
    "sandbox": ({"commands": {"a": oci_expected_command()}, "engine": "sandbox", "network": "host"}, ["no-sandbox", "requires-network"]),
    "skip": ({"commands": {"a": oci_expected_command()}, "without_engine": "skip"}, ["no-remote-cache"]),
    "skip_nothing": ({"user": "", "without_engine": "skip"}, []),
}

# What is expected, what runs commands; then what is carried of a layer that is delivered as a tar, a blob, or from a registry, and
# of those in a layout.
_CARRIED = [
    ({}, "daemon", [None, None, None, None]),
    ({"layers": {"max_size": 1}}, "daemon", [None, "blob", "blob", "blob"]),
    ({"files": {"/a": {}}}, "daemon", ["tar", "blob", "blob", "blob"]),
    ({"policies": ["no_shell"]}, "daemon", ["tar", "blob", "blob", "blob"]),
    ({"commands": ["x"]}, "daemon", ["tar", "blob", None, "blob"]),
    ({"commands": ["x"]}, "sandbox", ["tar", "blob", "blob", "blob"]),
    ({"absent": ["/a"], "commands": ["x"]}, "daemon", ["tar", "blob", "blob", "blob"]),
]

def _carried_test_impl(ctx):
    env = unittest.begin(ctx)
    nothing = {"absent": [], "commands": [], "files": {}, "layers": {}, "policies": []}
    layers = [struct(delivered = delivered) for delivered in ["tar", "blob", "registry"]] + [None]
    for expected, engine, carried in _CARRIED:
        carried_of = carried_by_test(nothing | expected, engine = engine)
        asserts.equals(env, carried, [carried_of(layer) for layer in layers], "{} with {}".format(expected, engine))
    return unittest.end(env)

_carried_test = unittest.make(_carried_test_impl)

_FILE = {"content": None, "content_lacks": [], "content_matches": [], "mode": None, "owner": None, "target": None, "type_name": None}

# Arguments of `oci_expected_file`, and what is wrong with them.
_FILE_ERRORS = [
    ({}, None),
    ({"content": "", "mode": "0644", "owner": "app:0", "type_name": "file"}, None),
    ({"target": "x", "type_name": "symlink"}, None),
    ({"mode": 420}, "`mode`: got the number `420`, expected a string: did you mean `\"0644\"`?"),
    ({"mode": "rw"}, "`mode`: `rw` is not an octal number of three or four digits, for example `0644`"),
    ({"owner": "app"}, "`owner`: `app` has no group: did you mean `app:app`?"),
    ({"content": 1}, "`content`: got `1` (int), expected a string"),
    ({"content_matches": "x"}, "`content_matches`: got the string `x`: did you mean `[\"x\"]`?"),
    ({"type_name": "dir"}, "`type`: `dir` is not a type: expected one of `block_device`, `character_device`, `directory`, `fifo`, `file`, `symlink`"),
    ({"content": "x", "type_name": "directory"}, "`type`: `directory` has no content: expected `file`, or no content"),
    ({"target": "x", "type_name": "file"}, "`target`: got `x`, but the type is `file`: expected `symlink`, or no target"),
    ({"content_lacks": ["y"], "target": "x"}, "`target`: got `x`, and a content too: expected one of the two; for what the link leads to give its own path"),
]

_COMMAND = {
    "args": [],
    "argv": [],
    "env": {},
    "lists": {},
    "numbers": {"exit_code": 0, "timeout": 60},
    "shell": None,
    "strings": {},
}

# Arguments of `oci_expected_command`, and what is wrong with them.
_COMMAND_ERRORS = [
    ({}, None),
    ({"argv": ["/bin/a"], "env": {"A": "b"}}, None),
    ({"argv": "/bin/a"}, "`argv`: got the string `/bin/a`: did you mean `[\"/bin/a\"]`?"),
    ({"argv": ["/bin/a"], "shell": "b"}, "`argv` and `shell` are both given: expected one way to say what runs"),
    ({"numbers": {"exit_code": 256, "timeout": 1}}, "`exit_code`: got `256`, expected a number from 0 to 255"),
    ({"numbers": {"exit_code": -1, "timeout": 1}}, "`exit_code`: got `-1`, expected a number that is not negative"),
    ({"numbers": {"exit_code": 0, "timeout": 0}}, "`timeout`: got `0`, expected seconds, at least 1"),
    ({"env": {"A=": "b"}}, "`env`: got `\"A=\": \"b\"`, expected the name of a variable and a string"),
    ({"strings": {"user": 1}}, "`user`: got `1` (int), expected a string"),
]

def _values_test_impl(ctx):
    env = unittest.begin(ctx)
    for given, expected in _FILE_ERRORS:
        asserts.equals(env, expected, expected_file_error(**(_FILE | given)))
    for given, expected in _COMMAND_ERRORS:
        asserts.equals(env, expected, expected_command_error(**(_COMMAND | given)))
    return unittest.end(env)

_values_test = unittest.make(_values_test_impl)

# Arguments, and a part of the message.
_FAILURES = {
    "absent_glob": (
        {"absent": ["**"]},
        "attribute `absent`: `**` is not absolute: did you mean `/**`?",
    ),
    "absent_too": (
        {"absent": ["/a"], "files": {"/a": oci_expected_file()}},
        "attribute `absent`: `/a` is in `files` too: expected it in one of the two",
    ),
    "commands_file": (
        {"commands": {"a": oci_expected_file()}},
        "attribute `commands`: `a` has the value `oci_expected_file(...)`: expected `oci_expected_command(...)`",
    ),
    "commands_value": (
        {"commands": {"a": "true"}},
        "attribute `commands`: `a` has the value `true`: expected `oci_expected_command(...)`",
    ),
    "content_twice": (
        {"file_contents": {"/a": ":text"}, "files": {"/a": oci_expected_file(content = "")}},
        "attribute `file_contents`: `/a` has a content in `files` too: expected it in one of the two",
    ),
    "contents_none": (
        {"file_contents": {"/a": ":failing_no_files"}},
        "attribute `file_contents`: `/a`: //oci/tests:failing_no_files has 0 files: expected one file",
    ),
    "env_absent": (
        {"env": {"A": ""}, "env_absent": ["A"]},
        "attribute `env_absent`: `A` is in `env` too: expected it in one of the two",
    ),
    "files_command": (
        {"files": {"/a": oci_expected_command()}},
        "attribute `files`: `/a` has the value `oci_expected_command(...)`: expected `oci_expected_file(...)`",
    ),
    "files_object": (
        {"files": {"/a": "{}"}},
        "attribute `files`: `/a` has the value `{}`: expected `oci_expected_file(...)`",
    ),
    "files_path": (
        {"files": {"a": oci_expected_file()}},
        "attribute `files`: `a` is not absolute: did you mean `/a`?",
    ),
    "files_value": (
        {"files": {"/a": "0644"}},
        "attribute `files`: `/a` has the value `0644`: expected `oci_expected_file(...)`",
    ),
    "index": (
        {"image": ":index_two", "user": ""},
        "attribute `image`: //oci/tests:index_two is not an image, it is an index of several",
    ),
    "layer_count": (
        {"layer_count": -2},
        "attribute `layer_count`: `-2` is not a number of layers: expected `0` or more",
    ),
    "nothing": (
        {"exempt": ["/a"]},
        "attribute `image`: //oci/tests:image_app is all that is given: expected what it is to be",
    ),
    "port": (
        {"exposed_ports": ["http"]},
        "attribute `exposed_ports`: `http` is not a port",
    ),
    "size": (
        {"max_size": "big"},
        "attribute `max_size`: `big` is not a size",
    ),
}

def image_test_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    native.toolchain(
        name = "image_test_broken_agent_toolchain",
        # It cannot be analysed.
        toolchain = ":failing_provider_tool",
        toolchain_type = "//oci:agent_toolchain_type",
    )
    oci_image_test(
        name = "image_test_config",
        cmd = [],
        env = {"A": "b"},
        exposed_ports = ["80", "53/udp"],
        image = ":image_two_a",
        labels_match = {"l": "^v"},
        layer_count = 5,
        max_size = "1m",
        tags = ["manual"],
        user = "",
    )
    oci_image_test(
        name = "image_test_files",
        file_contents = {"/a": ":text", "/b": ":text"},
        files = {"/a": oci_expected_file(content_matches = ["x"], owner = "app:app")},
        image = ":image_two_a",
        no_shell = True,
        tags = ["manual"],
    )
    oci_image_test(
        name = "image_test_commands",
        commands = {
            "one": oci_expected_command(shell = "echo $A"),
            "two": oci_expected_command(timeout = 5),
        },
        image = ":image_two_a",
        tags = ["manual"],
        without_engine = "skip",
    )
    tests = {
        "image_test_commands_test": (_commands_test, ":image_test_commands"),
        "image_test_config_test": (_config_test, ":image_test_config"),
        "image_test_files_test": (_files_test, ":image_test_files"),
    }
    for test, (rule, target) in tests.items():
        rule(name = test, target_under_test = target)
    for case, (arguments, expected) in _REQUIREMENTS.items():
        target = "image_test_requirements_" + case
        oci_image_test(name = target, tags = ["manual"], **({"image": ":image_app"} | arguments))
        _requirements_test(name = target + "_test", expected = expected, target_under_test = ":" + target)
        tests[target + "_test"] = None
    for case, (arguments, message) in _FAILURES.items():
        target = "failing_image_test_" + case
        oci_image_test(name = target, tags = ["manual"], **({"image": ":image_app"} | arguments))
        failure_test(name = target + "_test", message = message, target_under_test = ":" + target)
        tests[target + "_test"] = None
    unittest.suite(name + "_values", _carried_test, _values_test)
    native.test_suite(name = name, tests = tests.keys() + [":" + name + "_values"])
