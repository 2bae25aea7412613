"""The action that makes an image out of a directory in the OCI layout."""

load(":build_tool.bzl", "build_tool_args", "run_build_tool")
load(":label_text.bzl", "label_text")
load(":layout_source.bzl", "add_layout_path")
load(":pulled_platform.bzl", "platform_text")

visibility(["//oci/..."])

def import_layout(ctx, *, label, layout, choice, repository = ""):
    """Registers the action that checks a layout and writes its image's metadata.

    The action reads every blob of the image once and compares its digest, and the digest of what it decompresses to with the
    config's diff_id.

    Args:
      ctx: rule or aspect context.
      label: `Label` of the target that the layout comes from.
      layout: struct that `layout_source` returns.
      choice: struct that `image_choice` returns.
      repository: string; where the layers were pulled from, or empty.

    Returns:
      dict of the fields `config`, `manifest`, `digest` and `description` of `OciImageInfo`.
    """
    outputs = import_outputs(ctx, label = label)
    args = import_args(ctx, label = label, choice = choice, outputs = outputs, repository = repository)
    add_layout_path(args, "--layout=%s", layout)
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = layout.files,
        mnemonic = "ImportLayout",
        outputs = outputs.values(),
        progress_message = "Importing OCI layout %{label}",
    )
    return outputs

def image_choice(*, platform, tag = ""):
    """Tells which image is taken where there are several.

    Args:
      platform: struct that `target_platform` returns.
      tag: string; one of the image's names, or empty.

    Returns:
      struct.
    """
    return struct(
        platform = platform_text(platform) if platform.architecture else None,
        tag = tag,
    )

def import_outputs(ctx, *, label):
    """Declares the JSON files that an import writes.

    Args:
      ctx: rule or aspect context.
      label: `Label` of the target that the image comes from.

    Returns:
      dict of the fields `config`, `manifest`, `digest` and `description` of `OciImageInfo`.
    """
    prefix = label.name + ".import"
    return {
        "config": ctx.actions.declare_file(prefix + ".config.json"),
        "manifest": ctx.actions.declare_file(prefix + ".manifest.json"),
        "digest": ctx.actions.declare_file(prefix + ".digest"),
        "description": ctx.actions.declare_file(prefix + ".description.json"),
    }

def import_args(ctx, *, label, choice, outputs, repository):
    """Starts the arguments of an import.

    Args:
      ctx: rule or aspect context.
      label: `Label` of the target that the image comes from.
      choice: struct that `image_choice` returns.
      outputs: dict that `import_outputs` returns.
      repository: string; where the layers were pulled from, or empty.

    Returns:
      `Args`, which lack what is imported.
    """
    args = build_tool_args(ctx, "import")
    args.add(label_text(label), format = "--label=%s")
    if repository:
        args.add(repository, format = "--repository=%s")
    if choice.tag:
        args.add(choice.tag, format = "--tag=%s")
    if choice.platform:
        args.add(choice.platform, format = "--platform=%s")
    for field, output in outputs.items():
        args.add(output, format = "--" + field + "=%s")
    return args
