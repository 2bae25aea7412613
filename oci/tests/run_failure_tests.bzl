"""What wrong attributes of the rules that run commands get."""

load("//oci:defs.bzl", "oci_run_and_commit", "oci_run_and_commit_layer", "oci_run_and_extract")
load(":analysis.bzl", "failure_test", "unknown_run_engine_failure_test")
load(":fixtures.bzl", "files")

visibility("private")

# Arguments beside a base and a command, and a part of the message.
_RUNS = {
    "argv_and_commands": (
        {"argv": ["/bin/true"]},
        "//oci/tests:failing_run_argv_and_commands: attribute `argv`: is given, and so is `commands`: expected one of the two",
    ),
    "base": (
        {"base": ":text"},
        "attribute `base`: //oci/tests:text is not an image, it has the file `oci/tests/data/text`: expected an oci_image",
    ),
    "cache_name": (
        {"caches": {"/c": "a/b"}},
        "attribute `caches[\"/c\"]`: `a/b` has the character `/`: expected a name of letters, digits, `.`, `_` and `-`",
    ),
    "cache_path": (
        {"caches": {"c": "a"}},
        "attribute `caches`: `c` is not absolute: did you mean `/c`?",
    ),
    "cpus": (
        {"cpus": "two"},
        "attribute `cpus`: `two` is not a number of processors: expected one like `2` or `0.5`",
    ),
    "env": (
        {"run_env": {"A=B": "c"}},
        "attribute `run_env`: `A=B` is not the name of a variable: expected one without `=`",
    ),
    "inputs_empty": (
        {"inputs": {"/in": ":failing_run_no_files"}},
        "attribute `inputs`: `/in`: //oci/tests:failing_run_no_files has no files: expected at least one",
    ),
    "inputs_root": (
        {"inputs": {"/": ":text"}},
        "attribute `inputs`: `/` is the whole container: expected a path below it",
    ),
    "memory": (
        {"memory": "half"},
        "attribute `memory`: `half` is not a size: expected bytes, or a number with one of `k`, `m`, `g`, for example `512m`",
    ),
    "no_command": (
        {"commands": []},
        "attribute `commands`: is empty, and there is no `argv`: expected one of the two",
    ),
    "path_twice": (
        {"inputs": {"/in/": ":text"}, "tmpfs": {"/in": ""}},
        "attribute `tmpfs`: `/in` is in `inputs` too: expected each path once",
    ),
    "secret": (
        {"secrets": {"npm": "hunter2"}},
        "attribute `secrets[\"npm\"]`: expected where the secret is, `file:PATH` or `env:NAME`, not the secret itself",
    ),
    "secret_file": (
        {"secrets": {"npm": "file:.npmrc"}},
        "attribute `secrets[\"npm\"]`: `file:.npmrc` is neither absolute nor in the home folder: expected a path like `file:~/.npmrc`",
    ),
    "secret_name": (
        {"secrets": {"../x": "env:X"}},
        "attribute `secrets`: `../x` has the character `/`: expected a name of letters, digits, `.`, `_` and `-`",
    ),
    "shell": (
        {"shell": []},
        "attribute `shell`: is empty: expected what runs `commands`",
    ),
    "timeout": (
        {"timeout": 0},
        "attribute `timeout`: `0` is not a time: expected seconds, at least 1",
    ),
    "tmpfs": (
        {"tmpfs": {"/t": "64mb"}},
        "attribute `tmpfs[\"/t\"]`: `64mb` is not a size",
    ),
    "workdir": (
        {"run_workdir": "srv"},
        "attribute `run_workdir`: `srv` is not absolute: did you mean `/srv`?",
    ),
}

_EXTRACTS = {
    "empty": (
        {},
        "attribute `files`: is empty: expected paths in the container, each with the name of an output",
    ),
    "name": (
        {"/out": "/out.txt"},
        "attribute `files[\"/out\"]`: `/out.txt` is not the name of an output: expected a path below the package",
    ),
    "path": (
        {"out": "out.txt"},
        "attribute `files`: `out` is not absolute: did you mean `/out`?",
    ),
    "twice": (
        {"/a": "x", "/b": "x"},
        "attribute `files[\"/b\"]`: `x` is also the output for `/a`: expected a name for each",
    ),
}

def run_failure_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    files(name = "failing_run_no_files", tags = ["manual"])
    tests = {"run_plain": ("//oci:run_engine: got `podman`, expected one of `daemon`, `sandbox`", unknown_run_engine_failure_test)}
    for case, (arguments, message) in _RUNS.items():
        target = "failing_run_" + case
        oci_run_and_commit_layer(
            name = target,
            tags = ["manual"],
            **({"base": ":image_nothing", "commands": ["true"]} | arguments)
        )
        tests[target] = (message, failure_test)
    for case, (outputs, message) in _EXTRACTS.items():
        target = "failing_extract_" + case
        oci_run_and_extract(
            name = target,
            argv = ["/bin/true"],
            base = ":image_nothing",
            files = outputs,
            tags = ["manual"],
        )
        tests[target] = (message, failure_test)
    oci_run_and_commit(
        name = "failing_run_config",
        base = ":image_nothing",
        commands = ["true"],
        tags = ["manual"],
        workdir = "app",
    )
    tests["failing_run_config"] = ("attribute `workdir`: `app` is not absolute: did you mean `/app`?", failure_test)
    for target, (message, rule) in tests.items():
        rule(name = target + "_fails_test", message = message, target_under_test = ":" + target)
    native.test_suite(name = name, tests = [":{}_fails_test".format(target) for target in tests])
