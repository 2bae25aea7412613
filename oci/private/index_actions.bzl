"""The actions of an index: its JSON, and a directory with it and all its images."""

load(":build_tool.bzl", "build_tool_args", "run_build_tool")
load(":image_outputs.bzl", "add_directory", "add_image_files")
load(":label_text.bzl", "label_text")

visibility(["//oci/..."])

def index_action(ctx, *, images, names, spec):
    """Registers the action that writes an index and its digest. Its inputs are JSON alone.

    Args:
      ctx: rule context.
      images: tuple of `OciImageInfo`.
      names: tuple of strings; what messages call them.
      spec: string; JSON.

    Returns:
      tuple of `File`, the index and its digest.
    """
    index = ctx.actions.declare_file(ctx.label.name + ".index.json")
    digest = ctx.actions.declare_file(ctx.label.name + ".digest")
    args = build_tool_args(ctx, "index")
    args.add(spec, format = "--spec=%s")
    args.add(index, format = "--index=%s")
    args.add(digest, format = "--digest=%s")
    args.add("--")
    for image, name in zip(images, names):
        args.add(name, format = "--image=%s")
        args.add(image.manifest, format = "--manifest=%s")
        args.add(image.config, format = "--config=%s")
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset([file for image in images for file in (image.manifest, image.config)]),
        mnemonic = "ImageIndex",
        outputs = [index, digest],
        progress_message = "Writing image index %{label}",
    )
    return index, digest

def index_layout_action(ctx, *, images, names, index):
    """Registers the action that writes a directory in the OCI layout; a blob that several images have is in it once.

    Args:
      ctx: rule context.
      images: tuple of `OciImageInfo`.
      names: tuple of strings; what messages call them.
      index: `File`; the index of these images.

    Returns:
      `File`, a directory.
    """
    output = ctx.actions.declare_directory(ctx.label.name + ".oci_layout")
    args = build_tool_args(ctx, "index-layout")
    args.add(label_text(ctx.label), format = "--label=%s")
    args.add(index, format = "--index=%s")
    add_directory(args, "--output", output)
    args.add("--")
    for image, name in zip(images, names):
        args.add(name, format = "--image=%s")
        add_image_files(args, image)
        args.add(image.manifest, format = "--manifest=%s")
        args.add_all([layer.blob for layer in image.layers], format_each = "--blob=%s")
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset([index], transitive = [
            depset(
                [image.config, image.manifest] + [layer.blob for layer in image.layers],
                transitive = [image.base_layout_files],
            )
            for image in images
        ]),
        mnemonic = "IndexLayout",
        outputs = [output],
        progress_message = "Writing OCI layout of image index %{label}",
    )
    return output
