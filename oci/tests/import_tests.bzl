"""Analysis tests of `oci_import`."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//oci:defs.bzl", "oci_import")
load("//oci:providers.bzl", "OciImageInfo")
load(":analysis.bzl", "action_of", "input_names", "make_analysis_test", "relative_paths")
load(":fixtures.bzl", "files", "tree")

visibility("private")

def _arguments(name, layout):
    return [
        "import",
        "--label=//oci/tests:" + name,
        "--layout=" + layout,
        "--config=BIN/oci/tests/{}.import.config.json".format(name),
        "--manifest=BIN/oci/tests/{}.import.manifest.json".format(name),
        "--digest=BIN/oci/tests/{}.import.digest".format(name),
        "--description=BIN/oci/tests/{}.import.description.json".format(name),
    ]

def _directory_test_impl(ctx):
    env = analysistest.begin(ctx)
    action = action_of(env, "ImportLayout")
    asserts.equals(
        env,
        _arguments("import_directory", "BIN/oci/tests/import_tree"),
        relative_paths(env, action.argv[1:]),
    )
    asserts.equals(env, ["import_tree", "text"], input_names(action))

    target = analysistest.target_under_test(env)
    image = target[OciImageInfo]
    asserts.equals(env, (), image.layers)
    asserts.equals(env, "import_tree", image.base_layout.basename)
    asserts.equals(env, [image.config, image.description], target[DefaultInfo].files.to_list())
    asserts.equals(env, [image.digest], target[OutputGroupInfo].digest.to_list())
    return analysistest.end(env)

_directory_test = make_analysis_test(_directory_test_impl)

def _files_test_impl(ctx):
    env = analysistest.begin(ctx)
    action = action_of(env, "ImportLayout")
    asserts.equals(
        env,
        _arguments("import_files", "BIN/oci/tests/layout"),
        relative_paths(env, action.argv[1:]),
    )
    asserts.equals(env, ["abc", "index.json", "oci-layout"], input_names(action))
    asserts.equals(
        env,
        [
            "layout",
            "--label=//oci/tests:import_files",
            "--config=BIN/oci/tests/import_files.import.config.json",
            "--manifest=BIN/oci/tests/import_files.import.manifest.json",
            "--base-layout=BIN/oci/tests/layout",
            "--output=BIN/oci/tests/import_files.import.layout",
        ],
        relative_paths(env, action_of(env, "CollectLayout").argv[1:]),
    )
    image = analysistest.target_under_test(env)[OciImageInfo]
    asserts.equals(env, "import_files.import.layout", image.base_layout.basename)
    asserts.equals(env, [image.base_layout], image.base_layout_files.to_list())
    return analysistest.end(env)

_files_test = make_analysis_test(_files_test_impl)

def _repository_test_impl(ctx):
    env = analysistest.begin(ctx)
    arguments = _arguments("import_pulled", "BIN/oci/tests/import_tree")
    asserts.equals(
        env,
        arguments[:3] + ["--repository=docker.io/library/debian"] + arguments[3:],
        relative_paths(env, action_of(env, "ImportLayout").argv[1:]),
    )
    return analysistest.end(env)

_repository_test = make_analysis_test(_repository_test_impl)

def import_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    tree(name = "import_tree", linked = [":text"], tags = ["manual"])
    files(
        name = "import_layout_files",
        outs = ["layout/index.json", "layout/oci-layout", "layout/blobs/sha256/abc"],
        tags = ["manual"],
    )
    oci_import(name = "import_directory", layout = ":import_tree", tags = ["manual"])
    oci_import(name = "import_files", layout = ":import_layout_files", tags = ["manual"])
    oci_import(
        name = "import_pulled",
        layout = ":import_tree",
        repository = "docker.io/library/debian",
        tags = ["manual"],
    )
    _directory_test(name = "import_directory_test", target_under_test = ":import_directory")
    _files_test(name = "import_files_test", target_under_test = ":import_files")
    _repository_test(name = "import_repository_test", target_under_test = ":import_pulled")
    native.test_suite(
        name = name,
        tests = [
            ":import_directory_test",
            ":import_files_test",
            ":import_repository_test",
        ],
    )
