"""The rule behind the macro `oci_run_and_commit`, which adds that some attributes may be a value or the label of a file."""

load("//oci:providers.bzl", "OciImageInfo")
load(":build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load(":image.bzl", "IMAGE_CONFIG_ATTRS", "image_providers")
load(":image_aspect.bzl", "image_of")
load(":run_layer.bzl", "RUN_LAYER_ATTRS", "run_layer")
load(":run_platform.bzl", "run_platform")

visibility(["//oci/..."])

def _oci_run_and_commit_impl(ctx):
    return image_providers(
        ctx,
        base = image_of(ctx, attribute = "base", target = ctx.attr.base),
        layers = [run_layer(ctx)],
    )

oci_run_and_commit = rule(
    implementation = _oci_run_and_commit_impl,
    doc = "See the macro of the same name.",
    attrs = IMAGE_CONFIG_ATTRS | RUN_LAYER_ATTRS,
    cfg = run_platform,
    provides = [OciImageInfo],
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)
