"""Defines `oci_test`."""

load("//oci/private:attribute_error.bzl", "fail_attribute")
load("//oci/private:content.bzl", "images_in")
load("//oci/private:deliver_tool.bzl", "DELIVER_TOOL_ATTRS", "deliver_executable")
load("//oci/private:delivery_spec.bzl", "test_spec")
load("//oci/private:engine_environment.bzl", "ENGINE_ATTRS", "ENGINE_ENVIRONMENT")
load("//oci/private:label_text.bzl", "label_text")
load("//oci/private:runfiles_path.bzl", "runfiles_path")
load("//oci/private:test_images.bzl", "test_images")
load("//oci/private:test_requirements.bzl", "execution_info", "test_requirements")
load("//oci/private:wrapped_test.bzl", "WrappedTestInfo", "wrapped_test_aspect")

visibility("public")

def _oci_test_impl(ctx):
    wrapped = ctx.attr.test[WrappedTestInfo]
    wanted = test_images(ctx)
    executable = deliver_executable(ctx)
    spec = test_spec(
        ctx,
        emulation = ctx.attr.emulation,
        executable = executable.file,
        images = wanted.images,
        test = struct(
            arguments = wrapped.arguments,
            executable = ctx.executable.test,
            label = wrapped.label,
        ),
        variables = wanted.variables,
        without_engine = ctx.attr.without_engine,
    )
    coverage = _coverage(ctx, wrapped)
    runfiles = ctx.runfiles([ctx.executable.test] + coverage.files)
    return [
        DefaultInfo(
            executable = executable.file,
            files = depset([executable.file, spec.file]),
            runfiles = runfiles.merge_all([spec.runfiles, executable.runfiles, ctx.attr.test[DefaultInfo].default_runfiles]),
        ),
        _environment(ctx, wrapped, coverage = coverage.environment, variables = wanted.variables),
        # Not `images`: what runs in a container tells nobody which lines it has run.
        coverage_common.instrumented_files_info(ctx, dependency_attributes = ["test"]),
    ] + execution_info(
        test_requirements(
            layers = [
                layer
                for named in wanted.images
                for image in images_in(named.content)
                for layer in image.layers
            ],
            without_engine = ctx.attr.without_engine,
        ),
        test = ctx.attr.test,
    )

def _environment(ctx, wrapped, *, coverage, variables):
    """The variables with which Bazel starts the target: those that it would start the test with, and the engine's."""
    test = label_text(wrapped.label)
    environment = coverage | wrapped.environment | ctx.attr.env

    # What is inherited would replace what is set.
    inherited = [name for name in wrapped.inherited_environment if name not in ctx.attr.env]
    inherited += [name for name in ctx.attr.env_inherit if name not in inherited]
    for place, names in {
        "`env` of this target": ctx.attr.env,
        "`env` of the test {}".format(test): wrapped.environment,
        "`env_inherit` of this target": ctx.attr.env_inherit,
        "`env_inherit` of the test {}".format(test): wrapped.inherited_environment,
    }.items():
        for name in variables:
            if name in names:
                fail_attribute(ctx.label, "images", "`{}` is set twice, it is in {} too: expected it in one of the two".format(name, place))
    return RunEnvironmentInfo(
        environment = environment,
        inherited_environment = inherited + [
            name
            for name in ENGINE_ENVIRONMENT
            if name not in environment and name not in inherited
        ],
    )

def _coverage(ctx, wrapped):
    """What collects coverage after the test: a struct of `environment`, a dict, and `files`, a list of what has to be there."""
    script = wrapped.coverage_script if ctx.configuration.coverage_enabled else None
    if not script:
        return struct(environment = {}, files = [])

    # Bazel evaluates this, as a shell would. Of the attribute by which the test itself names its script there can be only one value
    # in this rule: https://github.com/bazelbuild/bazel/blob/7.7.1/tools/test/collect_coverage.sh
    path = "\"$TEST_SRCDIR/{}\"".format(runfiles_path(script.short_path))
    return struct(environment = {"CC_CODE_COVERAGE_SCRIPT": path}, files = [script])

oci_test = rule(
    implementation = _oci_test_impl,
    doc = """A test that finds images in the container engine: it loads them, and then runs another test in its own place.

```starlark
oci_test(
    name = "it",
    images = {
        "APP_IMAGE": ":app_load",
        "DB_IMAGE": ":db_load",
    },
    test = ":it_test",
)
```

All images come in one load, which sends what the engine lacks; each variable is set to the reference of its image, such as
`app:dev`. Then this process becomes that of the test: exit code, signals, `--test_filter`, sharding and `XML_OUTPUT_FILE` are the
test's own, and so is [coverage](testing.md#coverage) that Bazel's own merger reads. If an image cannot be loaded the test does not
start.

The test is any test target (no `test_suite`), without a change to it: its runfiles, `args`, `env` and `env_inherit` are
taken over. What Bazel reads of the target that it runs (`size`, `timeout`, `shard_count`, `flaky`, `tags`) is said here. Give the
test itself `tags = ["manual"]` if it fails without its images.

The engine is the one that `bazel run` would use, and the test gets its address as `DOCKER_HOST` unless that is set. Testcontainers is
told not to start its reaper, unless `images` has an image for it, as `RYUK_CONTAINER_IMAGE` or `TESTCONTAINERS_RYUK_CONTAINER_IMAGE`.
See [docs/testing.md](testing.md).""",
    attrs = {
        "env": attr.string_dict(
            doc = "More variables for the test; they replace those of the same name in its own `env` and `env_inherit`.",
        ),
        "env_inherit": attr.string_list(
            doc = "The names of more variables that are taken over from the environment in which Bazel is called.",
        ),
        "images": attr.string_keyed_label_dict(
            doc = """Variables, each with the `oci_incremental_load` of its image. The variable gets the load's first reference; if it
has none, one is made of the image's label and ID, like `stevedore.local/app/image:0123456789ab`. A load of several images (`images`, a bundle)
cannot be used here; that of an index can, and brings the image for the engine's platform. A variable that has another value
already is an error.""",
            mandatory = True,
        ),
        "test": attr.label(
            doc = "The test.",
            aspects = [wrapped_test_aspect],
            cfg = "target",
            executable = True,
            mandatory = True,
        ),
        # Where Bazel looks for what merges coverage; nothing unless it is collected.
        "_lcov_merger": attr.label(
            cfg = "exec",
            default = configuration_field(fragment = "coverage", name = "output_generator"),
            executable = True,
        ),
    } | DELIVER_TOOL_ATTRS | ENGINE_ATTRS,
    fragments = ["coverage"],
    test = True,
)
