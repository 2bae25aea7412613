"""What analysis tests have in common: tools that are never run, so that nothing is built for them."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load(":action_graph.bzl", "action_graph_aspect")

visibility("private")

# Whatever platform the tests run on, the image is for the given one.
def _settings(platform, *, settings = {}, toolchains = ["fake_agent_toolchain", "fake_build_toolchain", "fake_deliver_toolchain"]):
    return settings | {
        "//command_line_option:extra_toolchains": [str(Label("//oci/tests:" + name)) for name in toolchains],
        "//command_line_option:platforms": [str(Label("//oci/tests:" + platform))],
    }

def make_analysis_test(implementation, *, attrs = {}, platform = "linux_amd64", **kwargs):
    """Makes the rule of an analysis test.

    Args:
      implementation: function of a context.
      attrs: dict; the test's attributes.
      platform: string; the name of the target platform in this package.
      **kwargs: `settings`, a dict of further build settings of the target under test; `toolchains`, a list of names of
        toolchains in this package, instead of the fake ones.

    Returns:
      A test rule with the attribute `target_under_test`.
    """
    return analysistest.make(
        implementation,
        attrs = attrs,
        config_settings = _settings(platform, **kwargs),
        extra_target_under_test_aspects = [action_graph_aspect],
    )

def _failure_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

def _make_failure_test(platform, **kwargs):
    return analysistest.make(
        _failure_test_impl,
        attrs = {"message": attr.string(mandatory = True)},
        config_settings = _settings(platform, **kwargs),
        doc = "Expects that a target cannot be analysed, and a part of the message.",
        expect_failure = True,
    )

failure_test = _make_failure_test("linux_amd64")

unknown_compression_failure_test = _make_failure_test("linux_amd64", settings = {str(Label("//oci:compression")): "bzip2"})

unknown_run_engine_failure_test = _make_failure_test("linux_amd64", settings = {str(Label("//oci:run_engine")): "podman"})

unknown_cpu_failure_test = _make_failure_test("linux_unknown_cpu")

def action_of(env, mnemonic):
    """Returns the one action of the target under test that has a mnemonic.

    Args:
      env: the test's environment.
      mnemonic: string.

    Returns:
      `Action`.
    """
    found = [action for action in analysistest.target_actions(env) if action.mnemonic == mnemonic]
    if len(found) != 1:
        fail("expected one action {}, found {}".format(mnemonic, len(found)))
    return found[0]

def relative_paths(env, texts):
    """Replaces the output directory, whose name depends on the configuration, by `BIN`.

    Args:
      env: the test's environment.
      texts: list of strings.

    Returns:
      list of strings.
    """
    return [text.replace(analysistest.target_bin_dir_path(env), "BIN") for text in texts]

def input_names(action):
    """Returns the sorted base names of an action's inputs, without the tool that it runs.

    Args:
      action: `Action`.

    Returns:
      list of strings.
    """
    return sorted([
        file.basename
        for file in action.inputs.to_list()
        if not file.basename.startswith("fake_tool") and "/_middlemen/" not in file.path
    ])
