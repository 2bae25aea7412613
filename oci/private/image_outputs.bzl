"""What an image can be written as: its output groups. Each is one action, which runs only if somebody asks for it."""

load(":build_tool.bzl", "build_tool_args", "run_build_tool")
load(":content.bzl", "image_names", "images_in", "is_index")
load(":label_text.bzl", "label_text")
load(":target_platform.bzl", "target_platform")

visibility(["//oci/..."])

OUTPUT_GROUPS_DOC = """Output groups:

- `oci_layout`: a directory in the OCI layout with real files, as rules_oci's rules take it:
  `filegroup(name = "layout", srcs = [":{name}"], output_group = "oci_layout")`.
- `docker_archive`: a tar for `docker load`.
- `intermediate`: a directory with `config.json`, `manifest.json`, and for each layer `001.tar`, `001.diff_id`,
  `001.tar.gz` (or `.tar.zst`) and `001.sha256`.
- `digest`: a file with the manifest's digest, `sha256:<hex>`."""

def image_output_groups(ctx, *, image):
    """Registers the actions that write an image out.

    Args:
      ctx: rule context.
      image: `OciImageInfo`.

    Returns:
      `OutputGroupInfo`.
    """
    return OutputGroupInfo(
        digest = depset([image.digest]),
        docker_archive = depset([docker_archive_action(ctx, images = [struct(content = image, tags = None)])]),
        intermediate = depset([_intermediate_action(ctx, image = image)]),
        oci_layout = depset([_oci_layout_action(ctx, image = image)]),
    )

def docker_archive_action(ctx, *, images):
    """Registers the action that writes a tar for `docker load`; a layer that several images have is in it once.

    The tar has no place for platforms. Of an index it gets the image for the target platform, which is found out when the
    action runs: what an image is for is in its config.

    Args:
      ctx: rule context; with `TARGET_PLATFORM_ATTRS` if there may be an index.
      images: list of structs of `content`, an `OciImageInfo` or `OciIndexInfo`, and `tags`, a `File` with references, one a
        line, or `None`.

    Returns:
      `File`.
    """
    output = ctx.actions.declare_file(ctx.label.name + ".docker.tar")
    args = build_tool_args(ctx, "docker-archive")
    args.add(label_text(ctx.label), format = "--label=%s")
    args.add(output, format = "--output=%s")
    if any([is_index(named.content) for named in images]):
        args.add(_platform_text(target_platform(ctx)), format = "--platform=%s")
    args.add("--")
    for named in images:
        _add_archived(args, named)
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset(
            [named.tags for named in images if named.tags],
            transitive = [_archived_files(image) for named in images for image in images_in(named.content)],
        ),
        mnemonic = "ImageDockerArchive",
        outputs = [output],
        progress_message = "Writing Docker archive of image %{label}",
    )
    return output

def _platform_text(platform):
    return "/".join([part for part in (platform.os, platform.architecture or "unknown", platform.variant) if part])

def _add_archived(args, named):
    for image, name in zip(images_in(named.content), image_names(named.content)):
        args.add(name, format = "--image=%s")
        if is_index(named.content):
            args.add(label_text(named.content.label), format = "--index=%s")
        add_image_files(args, image)
        args.add(image.description, format = "--description=%s")
        args.add_all([layer.tar for layer in image.layers], format_each = "--tar=%s")
        if named.tags:
            args.add(named.tags, format = "--tags=%s")

def _archived_files(image):
    return depset(
        [image.config, image.description] + [layer.tar for layer in image.layers],
        transitive = [image.base_layout_files],
    )

def _oci_layout_action(ctx, *, image):
    output = ctx.actions.declare_directory(ctx.label.name + ".oci_layout")
    blobs = [layer.blob for layer in image.layers]
    args = build_tool_args(ctx, "layout")
    _add_image(args, ctx.label, image)
    args.add(image.manifest, format = "--manifest=%s")
    args.add_all(blobs, format_each = "--blob=%s")
    add_directory(args, "--output", output)
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset([image.config, image.manifest] + blobs, transitive = [image.base_layout_files]),
        mnemonic = "ImageLayout",
        outputs = [output],
        progress_message = "Writing OCI layout of image %{label}",
    )
    return output

def _intermediate_action(ctx, *, image):
    output = ctx.actions.declare_directory(ctx.label.name + ".intermediate")
    blobs = [layer.blob for layer in image.layers]
    tars = [layer.tar for layer in image.layers]
    metadata = [image.config, image.manifest, image.description]
    args = build_tool_args(ctx, "intermediate")
    _add_image(args, ctx.label, image)
    args.add(image.manifest, format = "--manifest=%s")
    args.add(image.description, format = "--description=%s")
    args.add_all(tars, format_each = "--tar=%s")
    args.add_all(blobs, format_each = "--blob=%s")
    add_directory(args, "--output", output)
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset(metadata + tars + blobs, transitive = [image.base_layout_files]),
        mnemonic = "ImageIntermediate",
        outputs = [output],
        progress_message = "Writing intermediate form of image %{label}",
    )
    return output

def _add_image(args, label, image):
    args.add(label_text(label), format = "--label=%s")
    add_image_files(args, image)

def add_image_files(args, image):
    """Adds an image's config, and its base's layout, to a command line.

    Args:
      args: `Args`.
      image: `OciImageInfo`.
    """
    args.add(image.config, format = "--config=%s")
    if image.base_layout:
        add_directory(args, "--base-layout", image.base_layout)

def add_directory(args, flag, directory):
    """Adds a directory's path to a command line.

    Args:
      args: `Args`.
      flag: string.
      directory: `File`.
    """
    args.add_all([directory], expand_directories = False, format_each = flag + "=%s")
