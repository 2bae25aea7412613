"""What wrong attributes get: a message that names the attribute, what was found, and what to write instead."""

load("//oci:defs.bzl", "oci_bundle", "oci_image", "oci_import", "oci_incremental_load", "oci_index", "oci_layer", "oci_metadata", "oci_push", "oci_test")
load("//oci:providers.bzl", "OciBundleInfo", "OciImageInfo", "OciIndexInfo", "OciLayerInfo", "StevedoreToolInfo")
load("//oci/private:load.bzl", load_rule = "oci_incremental_load")
load("//oci/private:push.bzl", push_rule = "oci_push")
load(":analysis.bzl", "failure_test", "unknown_compression_failure_test", "unknown_cpu_failure_test")
load(":fixtures.bzl", "files", "probe_test", "tree")

visibility("private")

# Arguments, and a part of the message.
_LAYERS = {
    "dirs": (
        {"dirs": ["var"]},
        "//oci/tests:failing_layer_dirs: attribute `dirs`: `var` is not absolute: did you mean `/var`?",
    ),
    "metadata_glob": (
        {"metadata": {"**": oci_metadata(mtime = 1)}},
        "attribute `metadata`: `**` is not absolute: did you mean `/**`?",
    ),
    "metadata_value": (
        {"metadata": {"/**": "0755"}},
        "attribute `metadata`: `/**` has the value `0755`: expected `oci_metadata(...)`",
    ),
    "mode": (
        {"mode": "0o644"},
        "attribute `mode`: `0o644` is not an octal number: did you mean `0644`?",
    ),
    "mtime": (
        {"mtime": -1},
        "attribute `mtime`: `-1` is before 1970",
    ),
    "owner": (
        {"owner": "root"},
        "attribute `owner`: `root` has no group: did you mean `root:root`?",
    ),
    "srcs_empty": (
        {"srcs": {"/x": ":failing_no_files"}},
        "attribute `srcs`: `/x`: //oci/tests:failing_no_files has no files: expected at least one",
    ),
    "srcs_path": (
        {"srcs": {"app/../x": ":text"}},
        "attribute `srcs`: `app/../x` is not absolute: did you mean `/x`?",
    ),
    "symlinks_path": (
        {"symlinks": {"/a/": "b"}},
        "attribute `symlinks`: `/a/` is not a normal path: did you mean `/a`?",
    ),
    "symlinks_target": (
        {"symlinks": {"/a": ""}},
        "attribute `symlinks`: `/a` has an empty target: expected a path",
    ),
}

_IMAGES = {
    "annotations": (
        {"annotations": {"": "x"}},
        "attribute `annotations`: a key is empty",
    ),
    "base_empty": (
        {"base": ":failing_no_files"},
        "attribute `base`: //oci/tests:failing_no_files is not an image, it has no files: expected an oci_image, an oci_import",
    ),
    "base_file": (
        {"base": "fixtures.bzl"},
        "attribute `base`: //oci/tests:fixtures.bzl is not an image, it has the file `oci/tests/fixtures.bzl`: expected an oci_image",
    ),
    "base_files": (
        {"base": ":texts"},
        "is not an image, it has the files `oci/tests/1`, `oci/tests/data/2`: expected an oci_image",
    ),
    "base_layer": (
        {"base": ":layer_gzip"},
        "is not an image, it has the file `oci/tests/layer_gzip.layer.json`",
    ),
    "env": (
        {"env": {"A=B": "c"}},
        "attribute `env`: `A=B` is not the name of a variable: expected one without `=`",
    ),
    "exposed_ports": (
        {"exposed_ports": ["http"]},
        "attribute `exposed_ports`: `http` is not a port: expected a number from 1 to 65535",
    ),
    "healthcheck": (
        {"healthcheck": "/check"},
        "attribute `healthcheck`: `/check`: expected `oci_healthcheck(...)`",
    ),
    "labels": (
        {"labels": {"": "x"}},
        "attribute `labels`: a key is empty",
    ),
    "layers_directory": (
        {"layers": [":failing_directory.tar"]},
        "attribute `layers`: `failing_directory.tar` of //oci/tests:failing_directory.tar is a directory: expected an oci_layer or",
    ),
    "layers_empty": (
        {"layers": [":failing_no_files"]},
        "attribute `layers`: //oci/tests:failing_no_files has no files: expected an oci_layer or tars",
    ),
    "layers_suffix": (
        {"layers": ["fixtures.bzl"]},
        "attribute `layers`: `fixtures.bzl` of //oci/tests:fixtures.bzl is not a tar by its name: expected an oci_layer or `.tar`, `.tar.gz`, `.tgz`, `.tar.zst`, `.tzst`",
    ),
    "reset_and_set": (
        {"cmd": ["x"], "reset": ["cmd"]},
        "attribute `reset`: `cmd` is also set",
    ),
    "reset_unknown": (
        {"reset": ["exposed-ports"]},
        "attribute `reset`: `exposed-ports` cannot be reset: did you mean `exposed_ports`?",
    ),
    "volumes": (
        {"volumes": ["data"]},
        "attribute `volumes`: `data` is not absolute: did you mean `/data`?",
    ),
    "workdir": (
        {"workdir": "app"},
        "attribute `workdir`: `app` is not absolute: did you mean `/app`?",
    ),
}

_IMPORTS = {
    "archive": (
        {"layout": ":plain_tar"},
        "attribute `layout`: //oci/tests:plain_tar: `oci/tests/plain.tar` is an archive: expected a directory in the OCI layout, give it to `archive` of an oci_import",
    ),
    "both": (
        {"archive": ":plain_tar", "layout": ":import_tree"},
        "attribute `layout`: is given, and so is `archive`: expected one of `archive`, `config`, `layout`",
    ),
    "compression": (
        {"compression": "gzip", "layout": ":import_tree"},
        "attribute `compression`: is given with `layout`: it belongs to `archive`",
    ),
    "empty": (
        {"layout": ":failing_no_files"},
        "attribute `layout`: //oci/tests:failing_no_files: no files: expected a directory in the OCI layout",
    ),
    "file": (
        {"layout": ":text"},
        "`oci/tests/data/text` is a file: expected a directory in the OCI layout",
    ),
    "loose_tag": (
        {"config": ":text", "tag": "x"},
        "attribute `tag`: is given with `config`: it belongs to `archive` or `layout`",
    ),
    "no_marker": (
        {"layout": ":texts"},
        "0 files named `oci-layout` among 2 files: expected one directory, or the files of one",
    ),
    "nothing": (
        {},
        "attribute `archive`: is missing: expected one of `archive`, `config`, `layout`",
    ),
    "outside": (
        {"layout": ":failing_outside"},
        "as the file `oci-layout` is: expected the files of one directory",
    ),
}

_LOADS = {
    "both": (
        {"image": ":image_nothing", "images": {"a:1": ":image_nothing"}},
        "attribute `images`: `image` is given too (`//oci/tests:image_nothing`): expected either `image` (with `repo_tags`) or `images`",
    ),
    "bundle_stamp": (
        {"image": ":push_bundle_of_two", "stamp": 1},
        "attribute `stamp`: is `1`, but whether the references are stamped is said in the oci_bundle //oci/tests:push_bundle_of_two: set it there",
    ),
    "bundle_tags": (
        {"image": ":push_bundle_of_two", "repo_tags": ["app:dev"]},
        "attribute `repo_tags`: is `app:dev`, but the oci_bundle //oci/tests:push_bundle_of_two has the references: expected `repo_tags` only with an image or an index",
    ),
    "image": (
        {"image": ":text"},
        "attribute `image`: //oci/tests:text is not an image, it has the file `oci/tests/data/text`",
    ),
    "images": (
        {"images": {"a:1": ":image_nothing", "b:1": ":text"}},
        "attribute `images[\"b:1\"]`: //oci/tests:text is not an image, it has the file `oci/tests/data/text`",
    ),
    "images_bundle": (
        {"images": {"a:1": ":push_bundle_of_two"}},
        "attribute `images[\"a:1\"]`: //oci/tests:push_bundle_of_two is not an image, it is a bundle of several: expected an oci_index, an oci_image",
    ),
    "images_tags": (
        {"images": {"a:1": ":image_nothing"}, "repo_tags": ["b:1"]},
        "attribute `repo_tags`: is `b:1`, but the keys of `images` are the references: expected `repo_tags` only with `image`",
    ),
    "nothing": (
        {},
        "attribute `images`: is empty, and there is no `image`: expected either `image` (with `repo_tags`) or `images`",
    ),
}

_INDEXES = {
    "annotations": (
        {"annotations": {"": "x"}, "images": [":image_nothing"]},
        "attribute `annotations`: a key is empty",
    ),
    "both": (
        {"image": ":image_nothing", "images": [":image_nothing"], "platforms": [":linux_arm64"]},
        "attribute `images`: is given, and so is `image`: expected either `image` (with `platforms`) or `images`",
    ),
    "empty": (
        {"images": []},
        "attribute `images`: is empty, and there is no `image`: expected the images of the index, one for each platform",
    ),
    "file": (
        {"images": [":text"]},
        "attribute `images`: //oci/tests:text is not an image, it has the file `oci/tests/data/text`: expected an oci_image, an oci_import",
    ),
    "nested": (
        {"images": [":index_two"]},
        "attribute `images`: //oci/tests:index_two is not an image, it is an index of several: expected an oci_image, an oci_import",
    ),
    "no_platforms": (
        {"image": ":image_nothing"},
        "attribute `platforms`: is empty, but there is an `image`: expected both, one image and the platforms that it is built for",
    ),
    "only_platforms": (
        {"images": [":image_nothing"], "platforms": [":linux_arm64"]},
        "attribute `platforms`: is given, but there is no `image`: expected both",
    ),
    "split_nested": (
        {"image": ":index_two", "platforms": [":linux_arm64"]},
        "attribute `image`: //oci/tests:index_two is not an image, it is an index of several: expected an oci_image, an oci_import",
    ),
}

_BUNDLES = {
    "empty": (
        {"images": {}},
        "attribute `images`: is empty: expected references, each with its image",
    ),
    "file": (
        {"images": {"x.io/a:1": ":image_nothing", "x.io/b:1": ":text"}},
        "attribute `images[\"x.io/b:1\"]`: //oci/tests:text is not an image, it has the file `oci/tests/data/text`: expected an oci_index, an oci_image, an oci_import",
    ),
    "nested": (
        {"images": {"x.io/a:1": ":push_bundle_of_two"}},
        "//oci/tests:push_bundle_of_two is not an image, it is a bundle of several: expected an oci_index, an oci_image",
    ),
}

_PUSHES = {
    "both": (
        {"image": ":image_nothing", "images": {"x.io/a:1": ":image_nothing"}},
        "attribute `images`: `image` is given too (`//oci/tests:image_nothing`): expected either `image` (with `repository`) or `images`",
    ),
    "bundle_repository": (
        {"image": ":push_bundle_of_two", "repository": "x.io/app"},
        "attribute `repository`: is set, but the oci_bundle //oci/tests:push_bundle_of_two has the references: expected it only with an image or an index",
    ),
    "bundle_stamp": (
        {"image": ":push_bundle_of_two", "stamp": 0},
        "attribute `stamp`: is `0`, but whether the references are stamped is said in the oci_bundle //oci/tests:push_bundle_of_two: set it there",
    ),
    "image": (
        {"image": ":text", "repository": "x.io/app"},
        "attribute `image`: //oci/tests:text is not an image, it has the file `oci/tests/data/text`: expected an oci_index, an oci_image",
    ),
    "images": (
        {"images": {"x.io/a:1": ":image_nothing", "x.io/b:1": ":layer_gzip"}},
        "attribute `images[\"x.io/b:1\"]`: //oci/tests:layer_gzip is not an image",
    ),
    "images_repository_file": (
        {"images": {"x.io/a:1": ":image_nothing"}, "repository_file": ":text"},
        "attribute `repository_file`: is set, but the keys of `images` are the references: expected it only with `image`",
    ),
    "images_tags": (
        {"images": {"x.io/a:1": ":image_nothing"}, "remote_tags": ":text"},
        "attribute `remote_tags`: is set, but the keys of `images` are the references",
    ),
    "nothing": (
        {},
        "attribute `images`: is empty, and there is no `image`: expected either `image` (with `repository`) or `images`",
    ),
    "repository": (
        {"image": ":image_nothing", "remote_tags": ["v1"]},
        "attribute `repository`: is not set: expected where `//oci/tests:image_nothing` is pushed to, for example `registry.example/team/app`",
    ),
    "repository_twice": (
        {"image": ":image_nothing", "repository": "x.io/app", "repository_file": ":text"},
        "attribute `repository`: is given as such (`x.io/app`) and as a file (`oci/tests/data/text`): expected one of the two",
    ),
}

# A provider's name, and what it says about its first wrong field.
_PROVIDERS = {
    "bundle": "OciBundleInfo: field `images` must be a tuple of structs, got a list",
    "image": "OciImageInfo: field `config` must be a File, got `config` (string)",
    "index": "OciIndexInfo: field `manifest` must be a File, got `manifest` (string)",
    "layer": "OciLayerInfo: field `description` must be a File, got `None` (NoneType)",
    "tool": "StevedoreToolInfo: field `files_to_run` must be the FilesToRunProvider of an executable, got `tool` (string)",
}

def _wrong_provider_impl(ctx):
    if ctx.attr.provider == "bundle":
        return [OciBundleInfo(images = [], label = ctx.label, stamped = False)]
    if ctx.attr.provider == "index":
        return [OciIndexInfo(digest = None, images = (), label = ctx.label, manifest = "manifest", names = ())]
    if ctx.attr.provider == "image":
        return [OciImageInfo(config = "config", description = None, digest = None, label = ctx.label, manifest = None)]
    if ctx.attr.provider == "layer":
        return [OciLayerInfo(blob = None, blob_description = None, description = None, label = ctx.label, tar = None)]
    return [StevedoreToolInfo(files_to_run = "tool", runfiles = ctx.runfiles())]

_wrong_provider = rule(
    implementation = _wrong_provider_impl,
    attrs = {"provider": attr.string()},
)

# With variables of its own.
_PROBE = ":failing_probe_test"

_TESTS = {
    "args": (
        {"images": {"APP": ":failing_one"}, "test": ":failing_quote_test"},
        "//oci/tests:failing_quote_test: attribute `args`: `it's`: a quote is not closed",
    ),
    "engine": (
        {"images": {"DOCKER_HOST": ":failing_one"}, "test": _PROBE},
        "//oci/tests:failing_test_engine: attribute `images`: `DOCKER_HOST` is read by the load itself: expected another",
    ),
    "image": (
        {"images": {"APP": ":image_nothing"}, "test": _PROBE},
        "attribute `images[\"APP\"]`: //oci/tests:image_nothing loads no image: expected an oci_incremental_load (of that image, if it is one)",
    ),
    "name": (
        {"images": {"APP IMAGE": ":failing_one"}, "test": _PROBE},
        "attribute `images`: `APP IMAGE` is not the name of a variable: expected letters, digits and `_`, for example `APP_IMAGE`",
    ),
    "nothing": (
        {"images": {}, "test": _PROBE},
        "attribute `images`: is empty: expected variables, each with an oci_incremental_load, for example `{\"APP_IMAGE\": \":load\"}`",
    ),
    "several": (
        {"images": {"APP": ":failing_one", "ALL": ":failing_two"}, "test": _PROBE},
        "attribute `images[\"ALL\"]`: //oci/tests:failing_two loads 2 images, and a variable has one: expected an oci_incremental_load of one `image`",
    ),
    "twice": (
        {"env": {"APP": "x"}, "images": {"APP": ":failing_one"}, "test": _PROBE},
        "attribute `images`: `APP` is set twice, it is in `env` of this target too: expected it in one of the two",
    ),
    "twice_inherited": (
        {"images": {"INHERITED": ":failing_one"}, "test": _PROBE},
        "attribute `images`: `INHERITED` is set twice, it is in `env_inherit` of the test //oci/tests:failing_probe_test too",
    ),
    "twice_set": (
        {"images": {"SET": ":failing_one"}, "test": _PROBE},
        "attribute `images`: `SET` is set twice, it is in `env` of the test //oci/tests:failing_probe_test too",
    ),
}

def failure_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    _fixtures()
    tests = []
    for kind, rule, cases in [
        ("bundle", oci_bundle, _BUNDLES),
        ("image", oci_image, _IMAGES),
        ("import", oci_import, _IMPORTS),
        ("index", oci_index, _INDEXES),
        ("layer", oci_layer, _LAYERS),
        ("load", oci_incremental_load, _LOADS),
        ("push", oci_push, _PUSHES),
        ("test", oci_test, _TESTS),
    ]:
        for case, (arguments, message) in cases.items():
            target = "failing_{}_{}".format(kind, case)
            rule(name = target, tags = ["manual"], **arguments)
            tests.append(_test(target, message))
    for provider, message in _PROVIDERS.items():
        target = "failing_provider_" + provider
        _wrong_provider(name = target, provider = provider, tags = ["manual"])
        tests.append(_test(target, message))

    # The macros cannot give both; a macro of a user around the rule could.
    load_rule(
        name = "failing_load_tags_twice",
        image = ":image_nothing",
        repo_tags = ["a", "b"],
        repo_tags_file = ":text",
        tags = ["manual"],
    )
    tests.append(_test(
        "failing_load_tags_twice",
        "attribute `repo_tags`: is given as a list (`a, b`) and as a file (`oci/tests/data/text`): expected one of the two",
    ))
    push_rule(
        name = "failing_push_tags_twice",
        image = ":image_nothing",
        remote_tags = ["a", "b"],
        remote_tags_file = ":text",
        repository = "x.io/app",
        tags = ["manual"],
    )
    tests.append(_test(
        "failing_push_tags_twice",
        "attribute `remote_tags`: is given as such (`a, b`) and as a file (`oci/tests/data/text`): expected one of the two",
    ))
    tests.append(_test(
        "image_app_layer",
        "//oci:compression: got `bzip2`, expected one of `gzip`, `zstd`, `none`",
        rule = unknown_compression_failure_test,
    ))
    tests.append(_test(
        "image_nothing",
        "attribute `architecture`: the target platform's cpu has no name in images that is known here",
        rule = unknown_cpu_failure_test,
    ))
    native.test_suite(name = name, tests = tests)

def _test(target, message, *, rule = failure_test):
    rule(
        name = target + "_fails_test",
        message = message,
        target_under_test = ":" + target,
    )
    return ":{}_fails_test".format(target)

def _fixtures():
    files(name = "failing_no_files", tags = ["manual"])
    files(
        name = "failing_outside",
        outs = ["failing/layout/oci-layout", "failing/other"],
        tags = ["manual"],
    )
    tree(name = "failing_directory.tar", tags = ["manual"])
    oci_incremental_load(name = "failing_one", image = ":image_nothing", tags = ["manual"])
    oci_incremental_load(
        name = "failing_two",
        images = {
            "app:1": ":image_nothing",
            "app:2": ":image_app",
        },
        tags = ["manual"],
    )
    probe_test(
        name = "failing_probe_test",
        env = {"SET": "x"},
        env_inherit = ["INHERITED"],
        tags = ["manual"],
        tells = True,
    )
    probe_test(name = "failing_quote_test", args = ["it's"], tags = ["manual"])
