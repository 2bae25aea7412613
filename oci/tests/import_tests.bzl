"""Analysis tests of `oci_import`."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//oci:defs.bzl", "oci_import")
load("//oci:providers.bzl", "OciImageInfo")
load(":analysis.bzl", "action_of", "input_names", "make_analysis_test", "relative_paths")
load(":fixtures.bzl", "files", "tree")

visibility("private")

def _arguments(name, source, *, before = []):
    return [
        "import",
        "--label=//oci/tests:" + name,
    ] + before + [
        "--config=BIN/oci/tests/{}.import.config.json".format(name),
        "--manifest=BIN/oci/tests/{}.import.manifest.json".format(name),
        "--digest=BIN/oci/tests/{}.import.digest".format(name),
        "--description=BIN/oci/tests/{}.import.description.json".format(name),
    ] + source

def _found_arguments(env, action):
    """The arguments without the platform, which is that of the machine."""
    arguments = relative_paths(env, action.argv[1:])
    rest = [argument for argument in arguments if not argument.startswith("--platform=linux/")]
    asserts.equals(env, 1, len(arguments) - len(rest))
    return rest

def _directory_test_impl(ctx):
    env = analysistest.begin(ctx)
    action = action_of(env, "ImportLayout")
    asserts.equals(
        env,
        _arguments("import_directory", ["--layout=BIN/oci/tests/import_tree"]),
        _found_arguments(env, action),
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
        _arguments("import_files", ["--layout=BIN/oci/tests/layout"]),
        _found_arguments(env, action),
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

def _chosen_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.equals(
        env,
        _arguments(
            "import_pulled",
            ["--layout=BIN/oci/tests/import_tree"],
            before = ["--repository=docker.io/library/debian", "--tag=debian:12"],
        ),
        _found_arguments(env, action_of(env, "ImportLayout")),
    )
    return analysistest.end(env)

_chosen_test = make_analysis_test(_chosen_test_impl)

def _archive_test_impl(ctx):
    env = analysistest.begin(ctx)
    action = action_of(env, "ImportArchive")
    asserts.equals(
        env,
        _arguments("import_archive", [
            "--archive=BIN/oci/tests/plain.tar",
            "--compression=zstd",
            "--output=BIN/oci/tests/import_archive.import.layout",
        ]),
        _found_arguments(env, action),
    )
    asserts.equals(env, ["plain.tar"], input_names(action))
    image = analysistest.target_under_test(env)[OciImageInfo]
    asserts.equals(env, (), image.layers)
    asserts.equals(env, "import_archive.import.layout", image.base_layout.basename)
    asserts.equals(env, [image.base_layout], image.base_layout_files.to_list())
    return analysistest.end(env)

_archive_test = make_analysis_test(_archive_test_impl)

def _loose_test_impl(ctx):
    env = analysistest.begin(ctx)
    action = action_of(env, "ImportConfig")
    image = analysistest.target_under_test(env)[OciImageInfo]
    descriptions = [layer.description for layer in image.layers]
    asserts.equals(
        env,
        ["import-config", "--label=//oci/tests:import_loose", "--config=" + image.config.path] +
        ["--layer=" + file.path for file in descriptions] +
        ["--repository=docker.io/library/debian", "--description=" + image.description.path],
        action.argv[1:],
    )
    asserts.equals(env, "plain.tar", image.layers[0].tar.basename)
    asserts.equals(env, "packed.tar.gz", image.layers[1].blob.basename)
    asserts.equals(env, "text", image.config.basename)
    asserts.equals(env, None, image.base_layout)
    asserts.equals(env, sorted(["text"] + [file.basename for file in descriptions]), sorted(input_names(action)))
    return analysistest.end(env)

_loose_test = make_analysis_test(_loose_test_impl)

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
    files(name = "import_packed", outs = ["packed.tar.gz"], tags = ["manual"])
    oci_import(name = "import_directory", layout = ":import_tree", tags = ["manual"])
    oci_import(name = "import_files", layout = ":import_layout_files", tags = ["manual"])
    oci_import(
        name = "import_pulled",
        layout = ":import_tree",
        repository = "docker.io/library/debian",
        tag = "debian:12",
        tags = ["manual"],
    )
    oci_import(name = "import_archive", archive = ":plain_tar", compression = "zstd", tags = ["manual"])
    oci_import(
        name = "import_loose",
        config = ":text",
        layers = [":plain_tar", ":import_packed"],
        repository = "docker.io/library/debian",
        tags = ["manual"],
    )
    _archive_test(name = "import_archive_test", target_under_test = ":import_archive")
    _chosen_test(name = "import_chosen_test", target_under_test = ":import_pulled")
    _directory_test(name = "import_directory_test", target_under_test = ":import_directory")
    _files_test(name = "import_files_test", target_under_test = ":import_files")
    _loose_test(name = "import_loose_test", target_under_test = ":import_loose")
    native.test_suite(
        name = name,
        tests = [
            ":import_archive_test",
            ":import_chosen_test",
            ":import_directory_test",
            ":import_files_test",
            ":import_loose_test",
        ],
    )
