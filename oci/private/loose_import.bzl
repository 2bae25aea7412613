"""An image whose config and layers are files of their own."""

load("//oci:providers.bzl", "OciImageInfo")
load(":build_tool.bzl", "build_tool_args", "run_build_tool")
load(":image_actions.bzl", "manifest_action")
load(":label_text.bzl", "label_text")
load(":spec.bzl", "spec")

visibility(["//oci/..."])

def import_loose(ctx, *, config, layers, repository):
    """Registers the actions that compare a config with layers, and describe the image.

    Args:
      ctx: rule context.
      config: `File`; it is taken as it is.
      layers: list of `OciLayerInfo`, the bottom one first.
      repository: string; where the layers were pulled from, or empty.

    Returns:
      `OciImageInfo`.
    """
    description = ctx.actions.declare_file(ctx.label.name + ".import.description.json")
    descriptions = [layer.description for layer in layers]
    args = build_tool_args(ctx, "import-config")
    args.add(label_text(ctx.label), format = "--label=%s")
    args.add(config, format = "--config=%s")
    args.add_all(descriptions, format_each = "--layer=%s")
    if repository:
        args.add(repository, format = "--repository=%s")
    args.add(description, format = "--description=%s")
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset([config] + descriptions),
        mnemonic = "ImportConfig",
        outputs = [description],
        progress_message = "Importing config %{label}",
    )
    manifest, digest = manifest_action(
        ctx,
        base = None,
        config = config,
        layers = layers,
        spec = spec(json = json.encode({"label": label_text(ctx.label)})),
    )
    return OciImageInfo(
        config = config,
        description = description,
        digest = digest,
        label = ctx.label,
        layers = tuple(layers),
        manifest = manifest,
    )
