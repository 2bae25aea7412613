"""The rule behind the macro `oci_image_test`, which adds that what is not given is not looked at."""

load("//oci:providers.bzl", "StevedoreToolInfo")
load(":agent.bzl", "AGENT")
load(":deliver_tool.bzl", "DELIVER_TOOL_ATTRS", "deliver_executable")
load(":engine_environment.bzl", "ENGINE_ATTRS", "ENGINE_ENVIRONMENT")
load(":image_aspect.bzl", "image_aspect", "image_of")
load(":image_expectations.bzl", "IMAGE_EXPECTATION_ATTRS", "expected_content_files", "image_expectations")
load(":image_test_layers.bzl", "carried_by_test")
load(":image_test_spec.bzl", "image_test_spec")
load(":run_engine.bzl", "RUN_ENGINES")
load(":test_requirements.bzl", "execution_info", "test_requirements")

visibility(["//oci/..."])

def _oci_image_test_impl(ctx):
    expected = image_expectations(ctx)
    image = image_of(ctx, attribute = "image", target = ctx.attr.image)
    carried = carried_by_test(expected, engine = ctx.attr.engine)
    executable = deliver_executable(ctx)
    spec = image_test_spec(
        ctx,
        carried = carried,
        containers = _containers(ctx) if expected["commands"] else None,
        content_files = expected_content_files(ctx),
        executable = executable.file,
        expected = expected,
        image = image,
    )
    return [
        DefaultInfo(
            executable = executable.file,
            files = depset([executable.file, spec.file]),
            runfiles = spec.runfiles.merge(executable.runfiles),
        ),
    ] + (_of_containers(ctx, fetched = [layer for layer in image.layers if not carried(layer)]) if expected["commands"] else [])

def _of_containers(ctx, *, fetched):
    """Returns the providers of a test that makes containers."""
    return [RunEnvironmentInfo(inherited_environment = ENGINE_ENVIRONMENT)] + execution_info(test_requirements(
        engine = ctx.attr.engine,
        layers = fetched,
        network = ctx.attr.network,
        without_engine = ctx.attr.without_engine,
    ))

def _containers(ctx):
    # The image has no names of its own; the tool makes one.
    tags = ctx.actions.declare_file(ctx.label.name + ".tags.txt")
    ctx.actions.write(content = "", output = tags)
    return struct(
        agent = ctx.attr._agent[StevedoreToolInfo].files_to_run.executable,
        settings = {
            "emulation": ctx.attr.emulation,
            "engine": ctx.attr.engine,
            "network": ctx.attr.network,
            "without_engine": ctx.attr.without_engine,
        },
        tags = tags,
    )

# The parameter is the attribute. Where there is no agent for Linux, say on a Mac, what needs no container can be tested nevertheless.
def _agent_of(commands):
    return AGENT if commands else None

oci_image_test = rule(
    implementation = _oci_image_test_impl,
    doc = "See the macro of the same name.",
    # @unsorted-dict-items
    attrs = {
        "image": attr.label(
            doc = "The image.",
            allow_files = True,
            aspects = [image_aspect],
            mandatory = True,
        ),
    } | IMAGE_EXPECTATION_ATTRS | {
        "engine": attr.string(
            doc = "What runs the containers of `commands`.",
            default = "daemon",
            values = RUN_ENGINES,
        ),
        "network": attr.string(
            doc = "What `commands` can reach.",
            default = "none",
            values = ["none", "default", "host"],
        ),
        "_agent": attr.label(
            default = _agent_of,
            providers = [StevedoreToolInfo],
        ),
    } | DELIVER_TOOL_ATTRS | ENGINE_ATTRS,
    test = True,
)
