"""What Bazel does with the attributes of a test that it runs, for a rule that runs the test in its place."""

load(":attribute_error.bzl", "fail_attribute")
load(":shell_words.bzl", "shell_words")

visibility(["//oci/..."])

# Bazel 7's; a later one has it in Starlark, where it has a provider.
_NATIVE_TEST = "sh_test"

WrappedTestInfo = provider(
    doc = "How a test is started.",
    fields = {
        "arguments": "list of strings: the elements of its `args`, expanded and split into words.",
        "coverage_script": "`File` or `None`: what collects coverage after it.",
        "environment": "dict of strings: variables that are set.",
        "inherited_environment": "list of strings: names of variables that are taken over from Bazel's own environment.",
        "label": "`Label`: the test.",
    },
)

def _wrapped_test_aspect_impl(target, ctx):
    expand = _expander(ctx)
    environment = _run_environment(target, ctx, expand)
    return [WrappedTestInfo(
        arguments = _arguments(ctx, expand),
        coverage_script = _coverage_script(ctx),
        environment = environment.set,
        inherited_environment = environment.inherited,
        label = target.label,
    )]

wrapped_test_aspect = aspect(
    implementation = _wrapped_test_aspect_impl,
    doc = "Reads the attributes of a test that Bazel itself reads when it runs it.",
    provides = [WrappedTestInfo],
)

def _expander(ctx):
    """Returns a function of an attribute's name and a text, which replaces locations and Make variables in it."""
    targets = _located(ctx.rule.attr)
    variables = {}
    for toolchain in getattr(ctx.rule.attr, "toolchains", None) or []:
        if platform_common.TemplateVariableInfo in toolchain:
            variables |= toolchain[platform_common.TemplateVariableInfo].variables

    def expand(attribute, text):
        # Where a test is run, Bazel takes a location for a path in its runfiles.
        for word, in_runfiles in {"$(location ": "$(rootpath ", "$(locations ": "$(rootpaths "}.items():
            text = text.replace(word, in_runfiles)
        text = ctx.expand_location(text, targets)
        return ctx.expand_make_variables(attribute, text, variables)

    return expand

def _located(attr):
    """Returns the targets whose locations are known.

    An alias and what it stands for are two, each with its own label. A label that comes once more from another attribute or in another
    configuration is left out: Bazel 7 crashes if `expand_location` gets it twice.
    """
    first = {}
    located = {}
    for name in ["data", "deps", "srcs", "tools"]:
        found = getattr(attr, name, None)
        for target in found if type(found) == "list" else []:
            if type(target) != "Target":
                continue
            known = first.setdefault(target.label, struct(attribute = name, target = target))
            if known.attribute == name and known.target.files.to_list() == target.files.to_list():
                located[target] = None
    return located.keys()

def _arguments(ctx, expand):
    arguments = []
    for argument in getattr(ctx.rule.attr, "args", None) or []:
        split = shell_words(expand("args", argument))
        if split.error:
            fail_attribute(ctx.label, "args", "`{}`: {}".format(argument, split.error))
        arguments += split.words
    return arguments

def _run_environment(target, ctx, expand):
    """Returns a struct of `set` and `inherited`."""
    if RunEnvironmentInfo in target:
        info = target[RunEnvironmentInfo]
        return struct(inherited = info.inherited_environment, set = info.environment)

    # The one test that does not tell and whose attributes Bazel reads is written in Java. What a rule in Starlark calls `env` is its
    # own business: https://github.com/bazelbuild/bazel/blob/7.7.1/src/main/java/com/google/devtools/build/lib/analysis/RunfilesSupport.java
    if ctx.rule.kind != _NATIVE_TEST:
        return struct(inherited = [], set = {})
    attr = ctx.rule.attr
    return struct(
        # Bazel's, too, are only those that are not set.
        inherited = [name for name in attr.env_inherit if name not in attr.env],
        set = {name: expand("env", value) for name, value in attr.env.items()},
    )

def _coverage_script(ctx):
    """Returns what Bazel would take from the rule's attribute: it looks only at the rule whose test it runs.

    See `CC_CODE_COVERAGE_SCRIPT` in
    https://github.com/bazelbuild/bazel/blob/7.7.1/src/main/java/com/google/devtools/build/lib/analysis/test/TestActionBuilder.java
    """
    script = getattr(ctx.rule.attr, "_collect_cc_coverage", None)
    if type(script) != "Target":
        return None
    info = script[DefaultInfo]
    return info.files_to_run.executable or (info.files.to_list() or [None])[0]
