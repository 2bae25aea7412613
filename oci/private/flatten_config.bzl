"""The config of an image whose layers became one."""

load(":build_tool.bzl", "build_tool_args", "run_build_tool")
load(":label_text.bzl", "label_text")

visibility(["//oci/..."])

def flatten_config_action(ctx, *, image, layer):
    """Registers the action that makes config and description of an image with one layer. Its inputs are JSON alone.

    Args:
      ctx: rule context.
      image: `OciImageInfo`.
      layer: `OciLayerInfo`; what became of the image's layers.

    Returns:
      tuple of `File`, the config and the description.
    """
    config = ctx.actions.declare_file(ctx.label.name + ".config.json")
    description = ctx.actions.declare_file(ctx.label.name + ".description.json")
    args = build_tool_args(ctx, "flatten-config")
    args.add(label_text(ctx.label), format = "--label=%s")
    args.add(image.config, format = "--image-config=%s")
    args.add(image.description, format = "--image-description=%s")
    args.add(layer.description, format = "--layer=%s")
    args.add(config, format = "--config=%s")
    args.add(description, format = "--description=%s")
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset([image.config, image.description, layer.description]),
        mnemonic = "ImageConfig",
        outputs = [config, description],
        progress_message = "Describing image %{label}",
    )
    return config, description
