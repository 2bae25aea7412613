"""The two actions that an image adds. Their inputs are JSON files of a few kilobytes: no layer, no byte of a base."""

load("//oci:providers.bzl", "OciImageInfo")
load(":build_tool.bzl", "build_tool_args", "run_build_tool")
load(":spec.bzl", "add_spec")

visibility(["//oci/..."])

def image_actions(ctx, *, base, layers, config_spec, manifest_spec):
    """Registers the actions of an image's metadata.

    Args:
      ctx: rule context.
      base: `OciImageInfo` or `None`.
      layers: list of `OciLayerInfo`; what is added to the base, the bottom one first.
      config_spec: struct that `spec` returns.
      manifest_spec: struct that `spec` returns.

    Returns:
      `OciImageInfo`.
    """
    config, description = _config(ctx, base = base, layers = layers, spec = config_spec)
    manifest, digest = manifest_action(ctx, base = base, config = config, layers = layers, spec = manifest_spec)
    return OciImageInfo(
        base_layout = base.base_layout if base else None,
        base_layout_files = base.base_layout_files if base else depset(),
        config = config,
        description = description,
        digest = digest,
        label = ctx.label,
        layers = (base.layers if base else ()) + tuple(layers),
        manifest = manifest,
    )

def _config(ctx, *, base, layers, spec):
    config = ctx.actions.declare_file(ctx.label.name + ".config.json")
    description = ctx.actions.declare_file(ctx.label.name + ".description.json")
    descriptions = [layer.description for layer in layers]
    base_files = [base.config, base.description] if base else []

    args = build_tool_args(ctx, "config")
    spec_files = add_spec(ctx, args, spec)
    if base:
        args.add(base.config, format = "--base-config=%s")
        args.add(base.description, format = "--base-description=%s")
    args.add_all(descriptions, format_each = "--layer=%s")
    args.add(config, format = "--config=%s")
    args.add(description, format = "--description=%s")
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset(base_files + descriptions + spec_files),
        mnemonic = "ImageConfig",
        outputs = [config, description],
        progress_message = "Describing image %{label}",
    )
    return config, description

def manifest_action(ctx, *, base, config, layers, spec):
    """Registers the action that writes a manifest and its digest.

    Args:
      ctx: rule context.
      base: `OciImageInfo` or `None`.
      config: `File`.
      layers: list of `OciLayerInfo`; what is added to the base, the bottom one first.
      spec: struct that `spec` returns.

    Returns:
      tuple of `File`, the manifest and its digest.
    """
    manifest = ctx.actions.declare_file(ctx.label.name + ".manifest.json")
    digest = ctx.actions.declare_file(ctx.label.name + ".digest")
    descriptions = [layer.blob_description for layer in layers]

    args = build_tool_args(ctx, "manifest")
    spec_files = add_spec(ctx, args, spec)
    args.add(config, format = "--config=%s")
    if base:
        args.add(base.manifest, format = "--base-manifest=%s")
    args.add_all(descriptions, format_each = "--blob-description=%s")
    args.add(manifest, format = "--manifest=%s")
    args.add(digest, format = "--digest=%s")
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset([config] + ([base.manifest] if base else []) + descriptions + spec_files),
        mnemonic = "ImageManifest",
        outputs = [manifest, digest],
        progress_message = "Writing manifest of image %{label}",
    )
    return manifest, digest
