"""Analysis tests of `oci_layer`: its recipe, its actions, its providers."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//oci:defs.bzl", "oci_layer", "oci_metadata")
load("//oci:providers.bzl", "OciLayerInfo")
load(":analysis.bzl", "action_of", "input_names", "make_analysis_test", "relative_paths")
load(":fixtures.bzl", "files", "runnable", "tree")

visibility("private")

_SPEC = """{"spec":{"create_parents":true,"group":null,"label":"//oci/tests:%s","metadata":[],"mode":"0644","mtime":0,"owner":"0:0","passwd":null}}"""

# Arguments of a layer, and the lines of its recipe after the first.
_RECIPES = {
    "single_file": (
        {"srcs": {"/etc/text": ":text"}},
        [
            '{"place":{"label":"//oci/tests:text","path":"/etc/text"}}',
            '{"file":"BIN/oci/tests/data/text","to":""}',
        ],
    ),
    "source_file": (
        {"srcs": {"/fixtures": "fixtures.bzl"}},
        [
            '{"place":{"label":"//oci/tests:fixtures.bzl","path":"/fixtures"}}',
            '{"file":"oci/tests/fixtures.bzl","to":""}',
        ],
    ),
    "single_file_into_directory": (
        {"srcs": {"/etc/": ":text"}},
        [
            '{"place":{"label":"//oci/tests:text","path":"/etc"}}',
            '{"file":"BIN/oci/tests/data/text","to":"data/text"}',
        ],
    ),
    "several_files_at_the_root": (
        {"srcs": {"/": ":texts"}},
        [
            '{"place":{"label":"//oci/tests:texts","path":"/"}}',
            '{"file":"BIN/oci/tests/1","to":"1"}',
            '{"file":"BIN/oci/tests/data/2","to":"data/2"}',
        ],
    ),
    "file_of_another_package": (
        {"srcs": {"/src/": ":reexported"}},
        [
            '{"place":{"label":"//oci/tests:reexported","path":"/src"}}',
            '{"file":"oci/defs.bzl","to":"oci/defs.bzl"}',
        ],
    ),
    "directory": (
        {"srcs": {"/opt": ":tree"}},
        [
            '{"place":{"label":"//oci/tests:tree","path":"/opt"}}',
            '{"to":"","tree":"BIN/oci/tests/tree"}',
        ],
    ),
    "executable_with_runfiles": (
        {"srcs": {"/bin/run": ":runnable"}},
        [
            '{"place":{"label":"//oci/tests:runnable","path":"/bin/run"}}',
            '{"executable":true,"file":"BIN/oci/tests/runnable","to":""}',
            '{"place":{"executable":"/bin/run","label":"//oci/tests:runnable","path":"/bin/run.runfiles"}}',
            '{"executable":true,"file":"BIN/oci/tests/data/text","to":"_main/oci/tests/data/text"}',
            '{"to":"_main/oci/tests/tree","tree":"BIN/oci/tests/tree"}',
            '{"executable":true,"file":"BIN/oci/tests/runnable","to":"_main/oci/tests/runnable"}',
            '{"executable":true,"file":"BIN/oci/tests/data/text","to":"_main/pkg/link"}',
            '{"executable":true,"file":"BIN/oci/tests/data/text","to":"root/link"}',
            '{"file":"BIN/oci/tests/runnable.repo_mapping","to":"_repo_mapping"}',
        ],
    ),
    "executable_into_directory_without_runfiles": (
        {"include_runfiles": False, "srcs": {"/bin/": ":runnable"}},
        [
            '{"place":{"label":"//oci/tests:runnable","path":"/bin/runnable"}}',
            '{"executable":true,"file":"BIN/oci/tests/runnable","to":""}',
        ],
    ),
    "symlinks_dirs_and_tars": (
        {
            "dirs": ["/var/empty"],
            "symlinks": {"/bin/sh": "busy box"},
            "tars": [":plain_tar"],
        },
        [
            '{"symlink":"/bin/sh","target":"busy box"}',
            '{"dir":"/var/empty"}',
            '{"label":"//oci/tests:plain_tar","tar":"BIN/oci/tests/plain.tar"}',
        ],
    ),
}

def _recipe_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    for mnemonic in ["LayerDescribe", "LayerTar", "LayerCompress"]:
        recipe = [argument for argument in action_of(env, mnemonic).argv if argument.startswith("{")]
        expected = [_SPEC % target.label.name] + ctx.attr.lines
        asserts.equals(env, expected, relative_paths(env, recipe), mnemonic)
    return analysistest.end(env)

_recipe_test = make_analysis_test(
    _recipe_test_impl,
    attrs = {"lines": attr.string_list()},
)

def _spec_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.equals(
        env,
        ['{"spec":{"create_parents":false,"group":"BIN/oci/tests/group_file","label":"//oci/tests:layer_all_scalars",' +
         '"metadata":[["/**",{"owner":"1:1"}],["/a",{"mode":"0600","mtime":5}]],' +
         '"mode":"4755","mtime":7,"owner":"app:app","passwd":"BIN/oci/tests/data/text"}}'],
        relative_paths(env, action_of(env, "LayerTar").argv[-1:]),
    )
    asserts.equals(env, ["group_file", "text"], input_names(action_of(env, "LayerTar")))
    return analysistest.end(env)

_spec_test = make_analysis_test(_spec_test_impl)

# What each action is asked for, by compression.
_OUTPUT_FLAGS = {
    "gzip": {
        "LayerCompress": [
            "--compression=gzip",
            "--blob=BIN/oci/tests/layer_gzip.tar.gz",
            "--blob-description=BIN/oci/tests/layer_gzip.blob.json",
        ],
        "LayerDescribe": ["--description=BIN/oci/tests/layer_gzip.layer.json"],
        "LayerTar": ["--tar=BIN/oci/tests/layer_gzip.tar"],
    },
    "none": {
        "LayerDescribe": [
            "--description=BIN/oci/tests/layer_none.layer.json",
            "--compression=none",
            "--blob-description=BIN/oci/tests/layer_none.blob.json",
        ],
        "LayerTar": ["--tar=BIN/oci/tests/layer_none.tar"],
    },
    "zstd": {
        "LayerCompress": [
            "--compression=zstd",
            "--blob=BIN/oci/tests/layer_zstd.tar.zst",
            "--blob-description=BIN/oci/tests/layer_zstd.blob.json",
        ],
        "LayerDescribe": ["--description=BIN/oci/tests/layer_zstd.layer.json"],
        "LayerTar": ["--tar=BIN/oci/tests/layer_zstd.tar"],
    },
}

def _actions_test_impl(ctx):
    env = analysistest.begin(ctx)
    flags = {}
    for action in analysistest.target_actions(env):
        asserts.equals(env, "layer", action.argv[1])
        asserts.equals(env, {}, action.env, "the environment of " + action.mnemonic)
        asserts.equals(env, ["text"], input_names(action), "the inputs of " + action.mnemonic)
        flags[action.mnemonic] = relative_paths(env, [argument for argument in action.argv if argument.startswith("--")])
    asserts.equals(env, _OUTPUT_FLAGS[ctx.attr.compression], flags)

    target = analysistest.target_under_test(env)
    info = target[OciLayerInfo]
    asserts.equals(env, target.label, info.label)
    asserts.equals(env, info.blob == info.tar, ctx.attr.compression == "none", "the blob is the tar itself")
    asserts.equals(env, [info.description], target[DefaultInfo].files.to_list())
    asserts.equals(env, [info.tar], target[OutputGroupInfo].tar.to_list())
    asserts.equals(env, [info.blob], target[OutputGroupInfo].blob.to_list())
    return analysistest.end(env)

_actions_test = make_analysis_test(
    _actions_test_impl,
    attrs = {"compression": attr.string()},
)

def layer_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    tests = []
    _fixtures()
    for case, (arguments, lines) in _RECIPES.items():
        oci_layer(name = "layer_" + case, tags = ["manual"], **arguments)
        _recipe_test(
            name = "layer_recipe_{}_test".format(case),
            lines = lines,
            target_under_test = ":layer_" + case,
        )
        tests.append(":layer_recipe_{}_test".format(case))
    for compression in _OUTPUT_FLAGS:
        oci_layer(
            name = "layer_" + compression,
            srcs = {"/text": ":text"},
            compression = compression,
            tags = ["manual"],
        )
        _actions_test(
            name = "layer_actions_{}_test".format(compression),
            compression = compression,
            target_under_test = ":layer_" + compression,
        )
        tests.append(":layer_actions_{}_test".format(compression))
    _spec_test(
        name = "layer_spec_test",
        target_under_test = ":layer_all_scalars",
    )
    native.test_suite(
        name = name,
        tests = tests + [":layer_spec_test"],
    )

def _fixtures():
    files(name = "text", outs = ["data/text"], tags = ["manual"])
    files(name = "texts", outs = ["1", "data/2"], tags = ["manual"])
    files(name = "plain_tar", outs = ["plain.tar"], tags = ["manual"])
    native.filegroup(name = "reexported", srcs = ["//oci:defs.bzl"], tags = ["manual"])
    tree(name = "tree", tags = ["manual"])
    runnable(name = "runnable", data = [":text", ":tree"], tags = ["manual"])
    files(name = "group", outs = ["group_file"], tags = ["manual"])
    oci_layer(
        name = "layer_all_scalars",
        create_parents = False,
        group = ":group",
        metadata = {
            "/**": oci_metadata(owner = "1:1"),
            "/a": oci_metadata(mode = "0600", mtime = 5),
        },
        mode = "4755",
        mtime = 7,
        owner = "app:app",
        passwd = ":text",
        tags = ["manual"],
    )
