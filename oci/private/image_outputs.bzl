"""What an image can be written as: its output groups. Each is one action, which runs only if somebody asks for it."""

load(":build_tool.bzl", "build_tool_args", "run_build_tool")
load(":label_text.bzl", "label_text")

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
        docker_archive = depset([docker_archive_action(ctx, images = [struct(image = image, tags = None)])]),
        intermediate = depset([_intermediate_action(ctx, image = image)]),
        oci_layout = depset([_oci_layout_action(ctx, image = image)]),
    )

def docker_archive_action(ctx, *, images):
    """Registers the action that writes a tar for `docker load`; a layer that several images have is in it once.

    Args:
      ctx: rule context.
      images: list of structs of `image`, an `OciImageInfo`, and `tags`, a `File` with references, one a line, or `None`.

    Returns:
      `File`.
    """
    output = ctx.actions.declare_file(ctx.label.name + ".docker.tar")
    args = build_tool_args(ctx, "docker-archive")
    args.add(label_text(ctx.label), format = "--label=%s")
    args.add(output, format = "--output=%s")
    args.add("--")
    for named in images:
        args.add(label_text(named.image.label), format = "--image=%s")
        add_image_files(args, named.image)
        args.add(named.image.description, format = "--description=%s")
        args.add_all([layer.tar for layer in named.image.layers], format_each = "--tar=%s")
        if named.tags:
            args.add(named.tags, format = "--tags=%s")
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset(
            [named.tags for named in images if named.tags],
            transitive = [_archived_files(named.image) for named in images],
        ),
        mnemonic = "ImageDockerArchive",
        outputs = [output],
        progress_message = "Writing Docker archive of image %{label}",
    )
    return output

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
