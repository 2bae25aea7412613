"""The rule behind the macro `oci_image`, which adds that some attributes may be a value or the label of a file."""

load("//oci:providers.bzl", "OciImageInfo")
load(":build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load(":config_spec.bzl", "config_spec", "manifest_spec")
load(":image_actions.bzl", "image_actions")
load(":image_aspect.bzl", "image_aspect", "image_of")
load(":image_outputs.bzl", "image_output_groups")
load(":spec.bzl", "spec")
load(":stamp.bzl", "STAMP_ATTRS", "is_stamped")
load(":tar_layer.bzl", "TAR_LAYER_ATTRS", "layers_of", "tar_layers_aspect")
load(":target_platform.bzl", "TARGET_PLATFORM_ATTRS", "target_platform")

visibility(["//oci/..."])

# What an image is beside its base and its layers.
IMAGE_CONFIG_ATTRS = {
    "annotations": attr.string_dict(doc = "Annotations."),
    "annotations_file": attr.label(doc = "A file with annotations.", allow_single_file = True),
    "architecture": attr.string(doc = "The processor architecture."),
    "author": attr.string(doc = "Who made the image."),
    "cmd": attr.string_list(doc = "The command's arguments."),
    "comment": attr.string(doc = "The comment in the history."),
    "created": attr.string(doc = "The creation time."),
    "created_file": attr.label(doc = "A file with the creation time.", allow_single_file = True),
    "entrypoint": attr.string_list(doc = "The command."),
    "env": attr.string_dict(doc = "Environment variables."),
    "env_file": attr.label(doc = "A file with environment variables.", allow_single_file = True),
    "exposed_ports": attr.string_list(doc = "Ports."),
    "healthcheck": attr.string(doc = "What `oci_healthcheck` returns."),
    "history": attr.string_list(doc = "Entries of the history."),
    "labels": attr.string_dict(doc = "Labels."),
    "labels_file": attr.label(doc = "A file with labels.", allow_single_file = True),
    "os": attr.string(doc = "The operating system."),
    "os_features": attr.string_list(doc = "What the image needs of the operating system."),
    "os_version": attr.string(doc = "The version of the operating system."),
    "reset": attr.string_list(doc = "What is not inherited."),
    "stop_signal": attr.string(doc = "The signal that stops a container."),
    "user": attr.string(doc = "The user."),
    "variant": attr.string(doc = "The variant of the architecture."),
    "volumes": attr.string_list(doc = "Volumes."),
    "workdir": attr.string(doc = "The working directory."),
} | STAMP_ATTRS | TARGET_PLATFORM_ATTRS

def image_providers(ctx, *, base, layers):
    """Registers the actions of an image whose config the target's attributes say.

    Args:
      ctx: rule context with `IMAGE_CONFIG_ATTRS`.
      base: `OciImageInfo` or `None`.
      layers: list of `OciLayerInfo`; what is added to the base, the bottom one first.

    Returns:
      list of providers.
    """
    image = image_actions(
        ctx,
        base = base,
        config_spec = spec(
            files = {
                "--created-file": ctx.file.created_file,
                "--env-file": ctx.file.env_file,
                "--labels-file": ctx.file.labels_file,
            },
            json = config_spec(ctx, layers = layers, platform = target_platform(ctx)),
            stamped = is_stamped(ctx),
        ),
        layers = layers,
        manifest_spec = spec(
            files = {"--annotations-file": ctx.file.annotations_file},
            json = manifest_spec(ctx),
            stamped = is_stamped(ctx),
        ),
    )
    return [
        DefaultInfo(files = depset([image.config, image.description])),
        image,
        image_output_groups(ctx, image = image),
    ]

def _oci_image_impl(ctx):
    return image_providers(
        ctx,
        base = image_of(ctx, attribute = "base", target = ctx.attr.base) if ctx.attr.base else None,
        layers = [
            layer
            for target in ctx.attr.layers
            for layer in layers_of(ctx, attribute = "layers", target = target)
        ],
    )

oci_image = rule(
    implementation = _oci_image_impl,
    doc = "See the macro of the same name.",
    attrs = IMAGE_CONFIG_ATTRS | TAR_LAYER_ATTRS | {
        "base": attr.label(doc = "The image to add to.", allow_files = True, aspects = [image_aspect]),
        "layers": attr.label_list(doc = "Layers and tars.", allow_files = True, aspects = [tar_layers_aspect]),
    },
    provides = [OciImageInfo],
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)
