"""The actions of an image that gets another base under its layers. But for one, their inputs are JSON alone."""

load("//oci:providers.bzl", "OciImageInfo")
load(":build_tool.bzl", "build_tool_args", "run_build_tool")
load(":image_outputs.bzl", "add_directory", "add_image_files")
load(":label_text.bzl", "label_text")
load(":layout_import.bzl", "import_layout")

visibility(["//oci/..."])

def rebase_actions(ctx, *, image, old_base, new_base):
    """Registers the actions that put an image on another base.

    Args:
      ctx: rule context.
      image: `OciImageInfo`.
      old_base: `OciImageInfo`; what `image` is made of.
      new_base: `OciImageInfo`; what takes its place.

    Returns:
      `OciImageInfo`.
    """
    images = {"image": image, "new-base": new_base, "old-base": old_base}
    config, description = _config(ctx, images = images)
    manifest, digest = _manifest(ctx, config = config, images = images)
    upper = _upper_layers(image = image, base = old_base)
    if upper == None:
        # Which of the image's layers are its own is known only when the build runs.
        return _collected(ctx, config = config, manifest = manifest, sources = [new_base, image])
    return OciImageInfo(
        base_layout = new_base.base_layout,
        base_layout_files = new_base.base_layout_files,
        config = config,
        description = description,
        digest = digest,
        label = ctx.label,
        layers = new_base.layers + upper,
        manifest = manifest,
    )

def _upper_layers(*, image, base):
    """Returns the layers that an image has above its base, or `None` if nothing but their content tells."""
    if image.base_layout != base.base_layout or len(image.layers) < len(base.layers):
        return None
    return image.layers[len(base.layers):]

def _config(ctx, *, images):
    outputs = {
        "config": ctx.actions.declare_file(ctx.label.name + ".config.json"),
        "description": ctx.actions.declare_file(ctx.label.name + ".description.json"),
    }
    args = build_tool_args(ctx, "rebase")
    args.add(label_text(ctx.label), format = "--label=%s")
    for role, image in images.items():
        args.add(image.config, format = "--" + role + "-config=%s")
        args.add(image.description, format = "--" + role + "-description=%s")
    for flag, output in outputs.items():
        args.add(output, format = "--" + flag + "=%s")
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset([file for image in images.values() for file in (image.config, image.description)]),
        mnemonic = "ImageConfig",
        outputs = outputs.values(),
        progress_message = "Describing image %{label}",
    )
    return outputs["config"], outputs["description"]

def _manifest(ctx, *, config, images):
    outputs = {
        "manifest": ctx.actions.declare_file(ctx.label.name + ".manifest.json"),
        "digest": ctx.actions.declare_file(ctx.label.name + ".digest"),
    }
    args = build_tool_args(ctx, "rebase-manifest")
    args.add(label_text(ctx.label), format = "--label=%s")
    args.add(config, format = "--config=%s")
    for role, image in images.items():
        args.add(image.manifest, format = "--" + role + "-manifest=%s")
    for flag, output in outputs.items():
        args.add(output, format = "--" + flag + "=%s")
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset([config] + [image.manifest for image in images.values()]),
        mnemonic = "ImageManifest",
        outputs = outputs.values(),
        progress_message = "Writing manifest of image %{label}",
    )
    return outputs["manifest"], outputs["digest"]

def _collected(ctx, *, config, manifest, sources):
    """Returns an `OciImageInfo` whose layers are copied into one directory."""
    tree = ctx.actions.declare_directory(ctx.label.name + ".rebased")
    args = build_tool_args(ctx, "stacked-layout")
    args.add(label_text(ctx.label), format = "--label=%s")
    args.add(config, format = "--config=%s")
    args.add(manifest, format = "--manifest=%s")
    add_directory(args, "--output", tree)
    args.add("--")
    for image in sources:
        args.add(label_text(image.label), format = "--image=%s")
        add_image_files(args, image)
        args.add(image.manifest, format = "--manifest=%s")
        args.add_all([layer.blob for layer in image.layers], format_each = "--blob=%s", uniquify = False)
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset([config, manifest], transitive = [
            depset(
                [image.config, image.manifest] + [layer.blob for layer in image.layers],
                transitive = [image.base_layout_files],
            )
            for image in sources
        ]),
        mnemonic = "CollectLayout",
        outputs = [tree],
        progress_message = "Collecting layers of %{label}",
    )
    files = depset([tree])
    return OciImageInfo(
        base_layout = tree,
        base_layout_files = files,
        label = ctx.label,
        **import_layout(
            ctx,
            # It is the only one there.
            choice = struct(platform = None, tag = ""),
            label = ctx.label,
            layout = struct(directory = tree, error = None, files = files, marker = None),
        )
    )
