"""Analysis tests of `oci_test`."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//oci:defs.bzl", "oci_incremental_load", "oci_test")
load(":action_graph.bzl", "actions_behind", "mnemonics")
load(":analysis.bzl", "make_analysis_test")
load(":fixtures.bzl", "files", "probe_test", "variables")

visibility("private")

# Bazel 8 has none.
_NATIVE_TEST = getattr(native, "sh_test", None)

def _spec_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    spec = json.decode([
        action
        for action in analysistest.target_actions(env)
        if action.outputs.to_list()[0].basename == "test_app.delivery.json"
    ][0].content)
    images = spec.pop("images")
    asserts.equals(
        env,
        {
            "emulation": False,
            "kind": "test",
            "label": "//oci/tests:test_app",
            "test": {
                "arguments": [
                    "--flag=a b",
                    "oci/tests/BUILD.bazel",
                    "oci/tests/1 oci/tests/data/2",
                    "$x",
                    "of a toolchain",
                    # By its own name, and by that of an alias.
                    "oci/tests/test_data.txt",
                    "oci/tests/test_data.txt",
                    "oci/tests/test_deps.txt",
                    "oci/tests/data/text",
                    "oci/tests/test_tools.txt",
                ],
                "executable": "_main/oci/tests/test_probe_test",
                "label": "//oci/tests:test_probe_test",
            },
            # The same load is there once.
            "variables": {"ALSO_APP_IMAGE": 0, "APP_IMAGE": 0, "INDEX_IMAGE": 1},
            "without_engine": "skip",
        },
        spec,
    )
    app, index = images
    asserts.equals(env, "_main/oci/tests/test_app_load.tags.txt", app["tags"])
    asserts.equals(env, "//oci/tests:image_app", app["content"]["image"]["label"])
    asserts.equals(env, "//oci/tests:index_split", index["content"]["index"]["label"])

    # The layer of the one image is built for the index's platforms too, so each has a place of its own.
    runfiles = target[DefaultInfo].default_runfiles
    found = ["_main/" + file.short_path for file in runfiles.files.to_list()] + [
        link.path
        for link in runfiles.root_symlinks.to_list()
    ]
    layers = [
        layer["tar"]
        for image in [app["content"]["image"]] + index["content"]["index"]["images"]
        for layer in image["layers"]
    ]
    for path in layers + [
        app["tags"],
        index["tags"],
        "_main/oci/tests/test_app",
        "_main/oci/tests/test_app.delivery.json",
        # The test, and what it reads.
        "_main/oci/tests/test_probe_test",
        "_main/oci/tests/BUILD.bazel",
    ]:
        asserts.true(env, path in found, path + " is in the runfiles")
    return analysistest.end(env)

_spec_test = make_analysis_test(_spec_test_impl)

_ENGINE = [
    "AWS_CONFIG_FILE",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AZURE_CONFIG_DIR",
    "CLOUDSDK_CONFIG",
    "CONTAINER_HOST",
    "CONTAINER_SSHKEY",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "REGISTRY_AUTH_FILE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "STEVEDORE_CACHE",
    "STEVEDORE_CREDENTIAL_HELPER",
    "STEVEDORE_LOCK_DIR",
    "STEVEDORE_RUNTIME",
    "STEVEDORE_UNPACKED_BYTES",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
]

def _environment_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    found = target[RunEnvironmentInfo]
    asserts.equals(env, ctx.attr.environment, found.environment)
    inherited = ctx.attr.inherited + [name for name in _ENGINE if name not in ctx.attr.not_inherited]
    asserts.equals(env, sorted(inherited), sorted(found.inherited_environment))
    requirements = target[testing.ExecutionInfo].requirements if testing.ExecutionInfo in target else {}
    asserts.equals(env, ctx.attr.requirements, requirements.keys())
    return analysistest.end(env)

_environment_test = make_analysis_test(
    _environment_test_impl,
    attrs = {
        "environment": attr.string_dict(doc = "What is set."),
        "inherited": attr.string_list(doc = "What is inherited beside the engine's variables."),
        "not_inherited": attr.string_list(doc = "Which of the engine's variables are not."),
        "requirements": attr.string_list(doc = "What the test wants of where it runs."),
    },
)

def _actions_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    wanted = target[DefaultInfo].files.to_list() + target[DefaultInfo].default_runfiles.files.to_list()
    counts = mnemonics(actions_behind(target, wanted))

    # What a load takes: two layers as tars, nothing compressed.
    asserts.equals(
        env,
        {"LayerDescribe": 2, "LayerTar": 2},
        {mnemonic: count for mnemonic, count in counts.items() if mnemonic.startswith("Layer")},
    )
    return analysistest.end(env)

_actions_test = make_analysis_test(_actions_test_impl)

def test_tests(*, name):
    """Declares the tests.

    Args:
      name: string; the name of the test suite.
    """
    _fixtures()
    _spec_test(name = "test_spec_test", target_under_test = ":test_app")
    _actions_test(name = "test_actions_test", target_under_test = ":test_small")
    _environment_test(
        name = "test_environment_test",
        environment = {
            "FROM_BOTH": "the target's",
            "FROM_TARGET": "set",
            "FROM_TEST": "$(location :not expanded twice)",
        },
        inherited = ["INHERITED", "INHERITED_TOO"],
        requirements = ["requires-probe"],
        target_under_test = ":test_small",
    )
    _environment_test(
        name = "test_pulled_environment_test",
        inherited = ["HOME"],
        requirements = ["requires-probe", "requires-network"],
        target_under_test = ":test_pulled",
    )
    _environment_test(name = "test_untold_environment_test", requirements = ["no-remote-cache"], target_under_test = ":test_app")
    tests = [
        ":test_actions_test",
        ":test_environment_test",
        ":test_pulled_environment_test",
        ":test_spec_test",
        ":test_untold_environment_test",
    ]

    if _NATIVE_TEST:
        tests.append(_native_environment_test())
    native.test_suite(name = name, tests = tests)

def _native_environment_test():
    _NATIVE_TEST(
        name = "test_native_test",
        srcs = [":test_probe_test"],
        data = ["BUILD.bazel"],
        env = {
            "DOCKER_HOST": "unix:///only/this",
            "PATH_OF_FILE": "at $(rootpath BUILD.bazel)",
        },
        env_inherit = [
            "DOCKER_HOST",
            "INHERITED",
        ],
        tags = ["manual"],
    )
    oci_test(
        name = "test_native",
        images = {"APP_IMAGE": ":test_app_load"},
        tags = ["manual"],
        test = ":test_native_test",
    )
    _environment_test(
        name = "test_native_environment_test",
        environment = {
            "DOCKER_HOST": "unix:///only/this",
            "PATH_OF_FILE": "at oci/tests/BUILD.bazel",
        },
        inherited = ["INHERITED"],
        not_inherited = ["DOCKER_HOST"],
        target_under_test = ":test_native",
    )
    return ":test_native_environment_test"

def _fixtures():
    oci_incremental_load(name = "test_app_load", image = ":image_app", repo_tags = ["app:dev"], tags = ["manual"])
    oci_incremental_load(name = "test_index_load", image = ":index_split", tags = ["manual"])
    for kind in ["data", "deps", "tools"]:
        files(name = "test_" + kind, outs = ["test_{}.txt".format(kind)], tags = ["manual"])
    native.alias(name = "test_data_alias", actual = ":test_data", tags = ["manual"])
    variables(name = "test_variables", tags = ["manual"], variables = {"FROM_TOOLCHAIN": "of a toolchain"})
    probe_test(
        name = "test_probe_test",
        args = [
            "'--flag=a b'",
            "$(location BUILD.bazel)",
            "'$(locations :texts)'",
            "$$x",
            "'$(FROM_TOOLCHAIN)'",
            "$(rootpath :test_data)",
            "$(rootpath :test_data_alias)",
            "$(rootpath :test_deps)",
            "$(rootpath :text)",
            "$(rootpath :test_tools)",
        ],
        data = [
            "BUILD.bazel",
            ":test_data",
            ":test_data_alias",
            ":texts",
        ],
        deps = [":test_deps"],
        # Not what Bazel would make of it.
        env = {"OF_THE_RULE": "$(RULEDIR)"},
        env_inherit = ["OF_THE_RULE_TOO"],
        srcs = [":text"],
        tags = ["manual"],
        toolchains = [":test_variables"],
        # One of them for two machines.
        tools = [
            ":test_data",
            ":test_tools",
        ],
    )
    oci_test(
        name = "test_app",
        images = {
            "ALSO_APP_IMAGE": ":test_app_load",
            "APP_IMAGE": ":test_app_load",
            "INDEX_IMAGE": ":test_index_load",
        },
        tags = ["manual"],
        test = ":test_probe_test",
        without_engine = "skip",
    )
    probe_test(
        name = "test_telling_test",
        env = {
            "FROM_BOTH": "the test's",
            "FROM_TEST": "$(location :not expanded twice)",
        },
        env_inherit = [
            "FROM_TARGET",
            "INHERITED",
        ],
        tags = ["manual"],
        tells = True,
    )
    native.alias(name = "test_alias", actual = ":test_telling_test", tags = ["manual"])
    oci_test(
        name = "test_small",
        env = {
            "FROM_BOTH": "the target's",
            "FROM_TARGET": "set",
        },
        env_inherit = [
            "INHERITED",
            "INHERITED_TOO",
        ],
        images = {"APP_IMAGE": ":test_app_load"},
        tags = ["manual"],
        test = ":test_alias",
    )

    # What the engine lacks of it is in a registry.
    probe_test(name = "test_at_home_test", env_inherit = ["HOME"], tags = ["manual"], tells = True)
    oci_test(
        name = "test_pulled",
        images = {
            "APP_IMAGE": ":test_app_load",
            "PULLED_IMAGE": ":pull_load",
        },
        tags = ["manual"],
        test = ":test_at_home_test",
    )
