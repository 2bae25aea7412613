"""Analysis tests of `oci_incremental_load`."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//oci:defs.bzl", "oci_image", "oci_incremental_load")
load("//oci:providers.bzl", "OciLoadInfo")
load(":action_graph.bzl", "actions_behind", "mnemonics")
load(":analysis.bzl", "action_of", "input_names", "make_analysis_test", "relative_paths")
load(":fixtures.bzl", "files")

visibility("private")

def _spec_of(env):
    """Returns the decoded spec of the target under test."""
    name = analysistest.target_under_test(env).label.name + ".delivery.json"
    return json.decode([
        action
        for action in analysistest.target_actions(env)
        if action.outputs.to_list()[0].basename == name
    ][0].content)

def _delivery_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    layers = [
        "_main/oci/tests/image_app_layer.tar",
        "_main/oci/tests/image_predeclared.tar",
        "_main/oci/tests/image.tar",
        "_main/oci/tests/image_tgz.layers/image.tgz.tar",
    ]
    asserts.equals(
        env,
        {
            "images": [{
                "content": {"image": {
                    "base_layout": "_main/oci/tests/image_foreign",
                    "config": "_main/oci/tests/image_two_a.config.json",
                    "description": "_main/oci/tests/image_two_a.description.json",
                    "label": "//oci/tests:image_two_a",
                    "layers": [{"tar": layer} for layer in layers],
                }},
                "tags": "_main/oci/tests/load_app.tags.txt",
            }],
            "kind": "load",
            "label": "//oci/tests:load_app",
        },
        _spec_of(env),
    )

    runfiles = ["_main/" + file.short_path for file in target[DefaultInfo].default_runfiles.files.to_list()]
    asserts.equals(env, [], [path for path in layers if path not in runfiles])
    for name in [
        # The executable, what it reads first, and what that names beside the layers.
        "load_app",
        "load_app.delivery.json",
        "load_app.tags.txt",
        "image_foreign",
        "image_two_a.config.json",
        "image_two_a.description.json",
        # What the base's links point to, and the tool's own runfiles.
        "data/text",
        "BUILD.bazel",
    ]:
        asserts.true(env, "_main/oci/tests/" + name in runfiles, name + " is in the runfiles")
    return analysistest.end(env)

_delivery_test = make_analysis_test(_delivery_test_impl)

def _several_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    spec = _spec_of(env)
    asserts.equals(
        env,
        [
            ("//oci/tests:image_app", "_main/oci/tests/load_several.1.tags.txt"),
            ("//oci/tests:image_two_a", "_main/oci/tests/load_several.2.tags.txt"),
        ],
        [(named["content"]["image"]["label"], named["tags"]) for named in spec["images"]],
    )
    tags = [
        [argument for argument in relative_paths(env, action.argv) if argument.startswith(("--tag", "--output"))]
        for action in analysistest.target_actions(env)
        if action.mnemonic == "ImageTags"
    ]
    asserts.equals(
        env,
        [
            ["--tag=app:dev", "--tag=app:{{KEY}}", "--output=BIN/oci/tests/load_several.1.tags.txt"],
            ["--tag=two:dev", "--output=BIN/oci/tests/load_several.2.tags.txt"],
        ],
        tags,
    )
    runfiles = ["_main/" + file.short_path for file in target[DefaultInfo].default_runfiles.files.to_list()]
    for named in spec["images"]:
        image = named["content"]["image"]
        files = [named["tags"], image["config"], image["description"]] + [layer["tar"] for layer in image["layers"]]
        asserts.equals(env, [], [file for file in files if file not in runfiles])
    archive = relative_paths(env, action_of(env, "ImageDockerArchive").argv)
    asserts.equals(
        env,
        [
            "--image=//oci/tests:image_app",
            "--tags=BIN/oci/tests/load_several.1.tags.txt",
            "--image=//oci/tests:image_two_a",
            "--tags=BIN/oci/tests/load_several.2.tags.txt",
        ],
        [argument for argument in archive if argument.startswith(("--image", "--tags"))],
    )
    return analysistest.end(env)

_several_test = make_analysis_test(_several_test_impl)

def _index_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    index = _spec_of(env)["images"][0]["content"]["index"]
    asserts.equals(env, "//oci/tests:index_split", index["label"])
    platforms = ["linux_armv7", "linux_amd64", "linux_arm64"]
    asserts.equals(
        env,
        ["//oci/tests:index_any for //oci/tests:" + platform for platform in platforms],
        [image["label"] for image in index["images"]],
    )

    # They are the same target's, so each has a place of its own.
    runfiles = target[DefaultInfo].default_runfiles
    usual = ["_main/" + file.short_path for file in runfiles.files.to_list()]
    moved = {
        link.path: link.target_file.path
        for link in runfiles.root_symlinks.to_list()
        if ".delivery/" in link.path
    }
    named = [
        file
        for image in index["images"]
        for file in [image["config"], image["description"]] + [layer["tar"] for layer in image["layers"]]
    ]
    asserts.equals(env, 9, len({file: None for file in named}))
    asserts.equals(env, [], [file for file in named if file not in moved and file not in usual])
    asserts.equals(env, 9, len({file: None for file in moved.values()}))
    config = index["images"][0]["config"]
    asserts.equals(env, "_main/oci/tests/load_index.delivery/1/index_any.config.json", config)
    asserts.equals(env, [], [file for file in usual if file.endswith("index_any.config.json")])

    archive = relative_paths(env, action_of(env, "ImageDockerArchive").argv)
    asserts.true(env, "--platform=linux/amd64" in archive)
    for argument in ["--index=//oci/tests:index_split", "--tags=BIN/oci/tests/load_index.tags.txt"]:
        asserts.equals(env, [argument] * 3, [found for found in archive if found == argument])
    return analysistest.end(env)

_index_test = make_analysis_test(_index_test_impl)

def _bundle_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.equals(
        env,
        [
            ("image", "//oci/tests:image_app", "_main/oci/tests/load_bundle.1.tags.txt"),
            ("index", "//oci/tests:index_two", "_main/oci/tests/load_bundle.2.tags.txt"),
        ],
        [
            (kind, content["label"], named["tags"])
            for named in _spec_of(env)["images"]
            for kind, content in named["content"].items()
        ],
    )
    _expect_bundle(env)
    return analysistest.end(env)

_bundle_test = make_analysis_test(_bundle_test_impl)

def _bundle_archive_test_impl(ctx):
    env = analysistest.begin(ctx)
    _expect_bundle(env)
    asserts.equals(
        env,
        action_of(env, "ImageDockerArchive").outputs.to_list(),
        analysistest.target_under_test(env)[OutputGroupInfo].docker_archive.to_list(),
    )
    return analysistest.end(env)

_bundle_archive_test = make_analysis_test(_bundle_archive_test_impl)

def _expect_bundle(env):
    """Looks at the references, which the bundle says are stamped, and at the archive."""
    name = analysistest.target_under_test(env).label.name
    tags = [action for action in analysistest.target_actions(env) if action.mnemonic == "ImageTags"]
    asserts.equals(
        env,
        [["--tag=x.io/app:v1", "--tag=x.io/app:{{KEY}}"], ["--tag=x.io/two"]],
        [[argument for argument in action.argv if argument.startswith("--tag=")] for action in tags],
    )
    asserts.equals(
        env,
        [2, 2],
        [len([argument for argument in action.argv if "-status=" in argument]) for action in tags],
    )
    archive = relative_paths(env, action_of(env, "ImageDockerArchive").argv)
    one, two = ["--tags=BIN/oci/tests/{}.{}.tags.txt".format(name, number) for number in (1, 2)]
    asserts.equals(
        env,
        [
            "--image=//oci/tests:image_app",
            one,
            "--image=//oci/tests:index_arm",
            "--index=//oci/tests:index_two",
            two,
            "--image=//oci/tests:image_foreign",
            "--index=//oci/tests:index_two",
            two,
        ],
        [argument for argument in archive if argument.startswith(("--image", "--index", "--tags"))],
    )

def _facts_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    name = target.label.name
    action = action_of(env, "LoadFacts")
    asserts.equals(
        env,
        ["load-facts", "--label=//oci/tests:" + name, "--output=BIN/oci/tests/{}.json".format(name), "--"] + ctx.attr.images,
        relative_paths(env, action.argv[1:]),
    )

    # Nothing of a layer is read.
    asserts.equals(env, [], [
        file
        for file in input_names(action)
        if not file.endswith((".description.json", ".tags.txt"))
    ])
    facts = action.outputs.to_list()[0]
    asserts.true(env, facts in target[DefaultInfo].files.to_list())
    asserts.true(env, facts in target[DefaultInfo].default_runfiles.files.to_list())
    return analysistest.end(env)

_facts_test = make_analysis_test(
    _facts_test_impl,
    attrs = {"images": attr.string_list(doc = "Arguments that tell of the images.")},
)

# A target, and what its facts are made of.
_FACTS = {
    "load_app": [
        "--image=//oci/tests:image_two_a",
        "--description=BIN/oci/tests/image_two_a.description.json",
        "--tags=BIN/oci/tests/load_app.tags.txt",
    ],
    "load_several": [
        "--image=//oci/tests:image_app",
        "--description=BIN/oci/tests/image_app.description.json",
        "--tags=BIN/oci/tests/load_several.1.tags.txt",
        "--image=//oci/tests:image_two_a",
        "--description=BIN/oci/tests/image_two_a.description.json",
        "--tags=BIN/oci/tests/load_several.2.tags.txt",
    ],
}

def _load_info_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    load_info = target[OciLoadInfo]
    asserts.equals(env, target.label, load_info.label)
    asserts.equals(
        env,
        [("image_app", "load_several.1.tags.txt"), ("image_two_a", "load_several.2.tags.txt")],
        [(named.content.label.name, named.tags.basename) for named in load_info.images],
    )
    return analysistest.end(env)

_load_info_test = make_analysis_test(_load_info_test_impl)

def _no_compression_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    wanted = target[DefaultInfo].files.to_list() + target[DefaultInfo].default_runfiles.files.to_list()
    actions = actions_behind(target, wanted)
    counts = mnemonics(actions)
    asserts.equals(
        env,
        {
            # The image's, its base's and the base's base's.
            "ImageConfig": 3,
            "ImageTags": 1,
            "LayerDescribe": 2,
            "LayerTar": 2,
        },
        {mnemonic: count for mnemonic, count in counts.items() if mnemonic.startswith(("Image", "Layer"))},
    )

    # Actions of aspects are not seen above, but what they would make is.
    inputs = [file.basename for action in actions for file in action.inputs.to_list()] + [file.basename for file in wanted]
    asserts.equals(env, [], [name for name in inputs if name.endswith((".blob.json", ".tar.gz", ".manifest.json"))])
    return analysistest.end(env)

_no_compression_test = make_analysis_test(_no_compression_test_impl)

def _tags_test_impl(ctx):
    env = analysistest.begin(ctx)
    action = action_of(env, "ImageTags")
    name = analysistest.target_under_test(env).label.name
    asserts.equals(
        env,
        ["tags", "--label=//oci/tests:" + name] + ctx.attr.flags + ["--output=BIN/oci/tests/{}.tags.txt".format(name)],
        [argument for argument in relative_paths(env, action.argv[1:]) if "-status" not in argument],
    )
    stamped = [argument.partition("=")[0] for argument in action.argv if "-status" in argument]
    asserts.equals(env, ["--stable-status", "--volatile-status"] if ctx.attr.stamped else [], stamped)
    asserts.equals(env, len(stamped) + len(ctx.attr.files), len(input_names(action)))
    return analysistest.end(env)

_TAGS_TEST_ATTRS = {
    "files": attr.string_list(doc = "Files that are read."),
    "flags": attr.string_list(doc = "Flags for the tags."),
    "stamped": attr.bool(doc = "Whether the workspace status is read."),
}

_tags_test = make_analysis_test(_tags_test_impl, attrs = _TAGS_TEST_ATTRS)

_tags_with_stamp_flag_test = make_analysis_test(
    _tags_test_impl,
    attrs = _TAGS_TEST_ATTRS,
    settings = {"//command_line_option:stamp": True},
)

def _archive_test_impl(ctx):
    env = analysistest.begin(ctx)
    action = action_of(env, "ImageDockerArchive")
    asserts.true(env, "--tags=BIN/oci/tests/load_app.tags.txt" in relative_paths(env, action.argv))
    asserts.true(env, "--base-layout=BIN/oci/tests/image_foreign" in relative_paths(env, action.argv))
    asserts.equals(
        env,
        action.outputs.to_list(),
        analysistest.target_under_test(env)[OutputGroupInfo].docker_archive.to_list(),
    )
    return analysistest.end(env)

_archive_test = make_analysis_test(_archive_test_impl)

# Arguments of a load, flags of its tags, whether it is stamped without --stamp and with it.
_TAGS = {
    "file": ({"repo_tags": ":text"}, ["--tags-file=BIN/oci/tests/data/text"], False, True),
    "list": ({"repo_tags": ["a:1", "b:{{KEY}}"]}, ["--tag=a:1", "--tag=b:{{KEY}}"], False, True),
    "never_stamped": ({"repo_tags": ["a:1"], "stamp": 0}, ["--tag=a:1"], False, False),
    "none": ({}, [], False, True),
    "stamped": ({"repo_tags": ["a:1"], "stamp": 1}, ["--tag=a:1"], True, True),
}

def load_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    tests = {
        "load_archive_test": (_archive_test, ":load_app"),
        "load_bundle_archive_test": (_bundle_archive_test, ":push_bundle_of_two"),
        "load_bundle_test": (_bundle_test, ":load_bundle"),
        "load_delivery_test": (_delivery_test, ":load_app"),
        "load_index_test": (_index_test, ":load_index"),
        "load_info_test": (_load_info_test, ":load_several"),
        "load_no_compression_test": (_no_compression_test, ":load_many_layers"),
        "load_several_test": (_several_test, ":load_several"),
    }
    oci_incremental_load(name = "load_app", image = ":image_two_a", repo_tags = ["app:dev"], tags = ["manual"])
    oci_incremental_load(
        name = "load_several",
        images = {
            "app:dev": ":image_app",
            "two:dev": ":image_two_a",
            "app:{{KEY}}": ":image_app",
        },
        tags = ["manual"],
    )
    oci_incremental_load(name = "load_index", image = ":index_split", repo_tags = ["app:dev"], tags = ["manual"])
    oci_incremental_load(name = "load_bundle", image = ":push_bundle_of_two", tags = ["manual"])
    files(name = "load_tar", outs = ["load.tar"], tags = ["manual"])
    oci_image(name = "load_image", base = ":image_app", layers = [":load_tar"], tags = ["manual"])
    oci_incremental_load(name = "load_many_layers", image = ":load_image", tags = ["manual"])
    for test, (rule, target) in tests.items():
        rule(name = test, target_under_test = target)
    for target, images in _FACTS.items():
        test = target + "_facts_test"
        _facts_test(name = test, images = images, target_under_test = ":" + target)
        tests[test] = None
    for case, (arguments, flags, stamped, stamped_with_flag) in _TAGS.items():
        target = "load_tags_" + case
        oci_incremental_load(name = target, image = ":image_nothing", tags = ["manual"], **arguments)
        for rule, test, expected in [
            (_tags_test, target + "_test", stamped),
            (_tags_with_stamp_flag_test, target + "_with_stamp_flag_test", stamped_with_flag),
        ]:
            rule(
                name = test,
                files = ["text"] if case == "file" else [],
                flags = flags,
                stamped = expected,
                target_under_test = ":" + target,
            )
            tests[test] = None
    native.test_suite(name = name, tests = tests.keys())
