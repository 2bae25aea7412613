"""Analysis tests of `oci_push` and `oci_bundle`."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//oci:defs.bzl", "oci_bundle", "oci_image", "oci_layer", "oci_push")
load("//oci:providers.bzl", "OciBundleInfo")
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

def _runfiles_of(env):
    target = analysistest.target_under_test(env)
    return ["_main/" + file.short_path for file in target[DefaultInfo].default_runfiles.files.to_list()]

def _named_files(content):
    """Returns all runfiles that the spec of an image or an index names."""
    index = content.get("index")
    named = [index["manifest"]] if index else []
    for image in index["images"] if index else [content["image"]]:
        named += [image["manifest"], image["config"], image["description"]] + image["blobs"]
        named += [image["base_layout"]] if image["base_layout"] else []
    return named

def _delivery_test_impl(ctx):
    env = analysistest.begin(ctx)
    blobs = [
        "_main/oci/tests/image_app_layer.tar.gz",
        "_main/oci/tests/image_predeclared.tar.layers/image_predeclared.tar.tar.gz",
        "_main/oci/tests/image_tar.layers/image.tar.tar.gz",
        "_main/oci/tests/image.tgz",
    ]
    spec = _spec_of(env)
    found = spec["images"][0]["content"]["image"]["blobs"]
    asserts.equals(env, [blob.split("/")[-1] for blob in blobs], [blob.split("/")[-1] for blob in found])
    asserts.equals(
        env,
        {
            "images": [{
                "content": {"image": {
                    "base_layout": "_main/oci/tests/image_foreign",
                    "blobs": found,
                    "config": "_main/oci/tests/image_two_a.config.json",
                    "description": "_main/oci/tests/image_two_a.description.json",
                    "label": "//oci/tests:image_two_a",
                    "manifest": "_main/oci/tests/image_two_a.manifest.json",
                }},
                "destinations": "_main/oci/tests/push_app.destinations.json",
            }],
            "kind": "push",
            "label": "//oci/tests:push_app",
        },
        spec,
    )
    runfiles = _runfiles_of(env)
    named = _named_files(spec["images"][0]["content"]) + ["_main/oci/tests/" + name for name in [
        # The executable, what it reads first, and where the image goes.
        "push_app",
        "push_app.delivery.json",
        "push_app.destinations.json",
        # What the base's links point to, and the tool's own runfiles.
        "data/text",
        "BUILD.bazel",
    ]]
    asserts.equals(env, [], [name for name in named if name not in runfiles])
    tars = [name for name in runfiles if name.endswith(".tar")]
    asserts.equals(env, [], tars, "uncompressed tars are no runfiles")
    return analysistest.end(env)

_delivery_test = make_analysis_test(_delivery_test_impl)

def _no_tar_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    wanted = target[DefaultInfo].files.to_list() + target[DefaultInfo].default_runfiles.files.to_list()
    actions = actions_behind(target, wanted)
    asserts.equals(
        env,
        {
            # The image's, its base's and the base's base's.
            "ImageConfig": 3,
            "ImageManifest": 3,
            "LayerCompress": 2,
            "LayerDescribe": 2,
        },
        {name: count for name, count in mnemonics(actions).items() if name.startswith(("Image", "Layer"))},
    )

    # Actions of aspects are not seen above, but what they would make is. A tar that is no output of a layer is a source.
    inputs = [file.basename for action in actions for file in action.inputs.to_list()] + [file.basename for file in wanted]
    asserts.equals(env, [], [name for name in inputs if name in ("image_app_layer.tar", "image_common_layer.tar", "image.tgz.tar")])
    return analysistest.end(env)

_no_tar_test = make_analysis_test(_no_tar_test_impl)

def _uncompressed_test_impl(ctx):
    env = analysistest.begin(ctx)
    image = _spec_of(env)["images"][0]["content"]["image"]
    asserts.equals(env, ["_main/oci/tests/push_plain_layer.tar"], image["blobs"], "the tar is the blob if nothing compresses it")
    return analysistest.end(env)

_uncompressed_test = make_analysis_test(_uncompressed_test_impl)

def _destinations_test_impl(ctx):
    env = analysistest.begin(ctx)
    action = action_of(env, "PushDestinations")
    label = analysistest.target_under_test(env).label
    arguments = [argument for argument in relative_paths(env, action.argv[1:]) if "-status" not in argument]
    asserts.equals(env, ["destinations", "--label=//oci/tests:" + label.name, "--"] + ctx.attr.flags, arguments)
    stamped = [argument.partition("=")[0] for argument in action.argv if "-status" in argument]
    asserts.equals(env, ["--stable-status", "--volatile-status"] if ctx.attr.stamped else [], stamped)
    asserts.equals(env, len(stamped) + len(ctx.attr.files), len(input_names(action)))
    return analysistest.end(env)

_DESTINATIONS_TEST_ATTRS = {
    "files": attr.string_list(doc = "Files that are read."),
    "flags": attr.string_list(doc = "Flags of the images."),
    "stamped": attr.bool(doc = "Whether the workspace status is read."),
}

_destinations_test = make_analysis_test(_destinations_test_impl, attrs = _DESTINATIONS_TEST_ATTRS)

_destinations_with_stamp_flag_test = make_analysis_test(
    _destinations_test_impl,
    attrs = _DESTINATIONS_TEST_ATTRS,
    settings = {"//command_line_option:stamp": True},
)

def _several_test_impl(ctx):
    env = analysistest.begin(ctx)
    spec = _spec_of(env)
    name = analysistest.target_under_test(env).label.name
    contents = [pushed["content"] for pushed in spec["images"]]
    asserts.equals(
        env,
        [("image", "//oci/tests:image_app"), ("index", "//oci/tests:index_two")],
        [(kind, value["label"]) for content in contents for kind, value in content.items()],
    )
    asserts.equals(
        env,
        ["_main/oci/tests/{}.{}.destinations.json".format(name, number) for number in (1, 2)],
        [pushed["destinations"] for pushed in spec["images"]],
    )
    index = contents[1]["index"]
    asserts.equals(env, "_main/oci/tests/index_two.index.json", index["manifest"])
    asserts.equals(
        env,
        ["//oci/tests:index_arm", "//oci/tests:image_foreign"],
        [image["label"] for image in index["images"]],
    )
    runfiles = _runfiles_of(env)
    named = [pushed["destinations"] for pushed in spec["images"]] + [file for content in contents for file in _named_files(content)]
    asserts.equals(env, [], [file for file in named if file not in runfiles])
    asserts.equals(env, [], [file for file in runfiles if file.endswith(".tar")])
    return analysistest.end(env)

_several_test = make_analysis_test(_several_test_impl)

def _index_test_impl(ctx):
    env = analysistest.begin(ctx)
    index = _spec_of(env)["images"][0]["content"]["index"]
    runfiles = analysistest.target_under_test(env)[DefaultInfo].default_runfiles
    moved = {
        link.path: link.target_file.path
        for link in runfiles.root_symlinks.to_list()
        if ".delivery/" in link.path
    }
    named = [
        file
        for image in index["images"]
        for file in [image["manifest"], image["config"], image["description"]] + image["blobs"]
    ]

    # They are the same target's, so each has a place of its own.
    asserts.equals(env, sorted(named), sorted(moved))
    asserts.equals(env, 12, len({file: None for file in moved.values()}))
    return analysistest.end(env)

_index_test = make_analysis_test(_index_test_impl)

def _bundle_test_impl(ctx):
    env = analysistest.begin(ctx)
    bundle = analysistest.target_under_test(env)[OciBundleInfo]
    asserts.equals(
        env,
        [
            ("image_app", ("x.io/app:v1", "x.io/app:{{KEY}}")),
            ("index_two", ("x.io/two",)),
        ],
        [(image.content.label.name, image.references) for image in bundle.images],
    )
    asserts.true(env, bundle.stamped)
    return analysistest.end(env)

_bundle_test = make_analysis_test(_bundle_test_impl)

_IMAGES = {
    "x.io/app:v1": ":image_app",
    "x.io/two": ":index_two",
    # Keys that sort elsewhere, and an image that comes twice.
    "x.io/app:{{KEY}}": ":image_app",
}

def _image_flags(target, flags, *, output):
    return ["--image=//oci/tests:" + target] + flags + ["--output=BIN/oci/tests/{}.destinations.json".format(output)]

_SEVERAL_FLAGS = ["--reference=x.io/app:v1", "--reference=x.io/app:{{KEY}}"]

def _several_flags(name):
    return (
        _image_flags("image_app", _SEVERAL_FLAGS, output = name + ".1") +
        _image_flags("index_two", ["--reference=x.io/two"], output = name + ".2")
    )

# Arguments of a push of one image, flags of its destinations, how many files these read.
_ONE = {
    "files": (
        {"remote_tags": ":text", "repository_file": ":text"},
        ["--repository-file=BIN/oci/tests/data/text", "--tags-file=BIN/oci/tests/data/text"],
        ["text"],
    ),
    "list": (
        {"remote_tags": ["v1", "{{KEY}}"], "repository": "x.io/{{ORG}}/app"},
        ["--repository=x.io/{{ORG}}/app", "--tag=v1", "--tag={{KEY}}"],
        [],
    ),
    "none": ({"repository": "x.io/app"}, ["--repository=x.io/app"], []),
}

# The value of `stamp`, whether a target is stamped without --stamp and with it.
_STAMPED = {
    "always": (1, True, True),
    "never": (0, False, False),
    "with_flag": (-1, False, True),
}

def push_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    _fixtures()
    tests = {
        "push_bundle_provider_test": (_bundle_test, ":push_bundle_of_two"),
        "push_bundle_test": (_several_test, ":push_bundle"),
        "push_delivery_test": (_delivery_test, ":push_app"),
        "push_index_test": (_index_test, ":push_index"),
        "push_no_tar_test": (_no_tar_test, ":push_many_layers"),
        "push_several_test": (_several_test, ":push_several"),
        "push_uncompressed_test": (_uncompressed_test, ":push_plain"),
    }
    for test, (rule, target) in tests.items():
        rule(name = test, target_under_test = target)
    cases = {
        "push_bundle": (_several_flags("push_bundle"), [], True, True),
        "push_several": (_several_flags("push_several"), [], False, True),
    }
    for case, (arguments, flags, inputs) in _ONE.items():
        target = "push_one_" + case
        oci_push(name = target, image = ":image_app", tags = ["manual"], **arguments)
        cases[target] = (_image_flags("image_app", flags, output = target), inputs, False, True)
    for case, (stamp, stamped, stamped_with_flag) in _STAMPED.items():
        target = "push_stamped_" + case
        oci_push(name = target, image = ":image_app", repository = "x.io/app", stamp = stamp, tags = ["manual"])
        cases[target] = (_image_flags("image_app", ["--repository=x.io/app"], output = target), [], stamped, stamped_with_flag)
    for target, (flags, inputs, stamped, stamped_with_flag) in cases.items():
        for rule, test, expected in [
            (_destinations_test, target + "_destinations_test", stamped),
            (_destinations_with_stamp_flag_test, target + "_destinations_with_stamp_flag_test", stamped_with_flag),
        ]:
            rule(
                name = test,
                files = inputs,
                flags = flags,
                stamped = expected,
                target_under_test = ":" + target,
            )
            tests[test] = None
    native.test_suite(name = name, tests = tests.keys())

def _fixtures():
    oci_push(
        name = "push_app",
        image = ":image_two_a",
        remote_tags = ["dev"],
        repository = "x.io/app",
        tags = ["manual"],
    )
    files(name = "push_tgz", outs = ["push.tgz"], tags = ["manual"])
    oci_image(name = "push_image", base = ":image_app", layers = [":push_tgz"], tags = ["manual"])
    oci_push(name = "push_many_layers", image = ":push_image", repository = "x.io/app", tags = ["manual"])
    oci_layer(name = "push_plain_layer", srcs = {"/app": ":image_changing"}, compression = "none", tags = ["manual"])
    oci_image(name = "push_plain_image", layers = [":push_plain_layer"], tags = ["manual"])
    oci_push(name = "push_plain", image = ":push_plain_image", repository = "x.io/app", tags = ["manual"])
    oci_push(name = "push_several", images = _IMAGES, tags = ["manual"])
    oci_bundle(name = "push_bundle_of_two", images = _IMAGES, stamp = 1, tags = ["manual"])
    oci_push(name = "push_index", image = ":index_split", repository = "x.io/app", tags = ["manual"])
    oci_push(name = "push_bundle", image = ":push_bundle_of_two", tags = ["manual"])
