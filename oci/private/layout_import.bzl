"""The action that makes an image out of a directory in the OCI layout."""

load(":build_tool.bzl", "build_tool_args", "run_build_tool")
load(":label_text.bzl", "label_text")
load(":layout_source.bzl", "add_layout_path")

visibility(["//oci/..."])

def import_layout(ctx, *, label, layout, repository = None):
    """Registers the action that checks a layout and writes its image's metadata.

    The action reads every blob once and compares its digest, and the digest of what it decompresses to with the config's
    diff_id.

    Args:
      ctx: rule or aspect context.
      label: `Label` of the target that the layout comes from.
      layout: struct that `layout_source` returns.
      repository: string or `None`; where the layers were pulled from.

    Returns:
      dict of the fields `config`, `manifest`, `digest` and `description` of `OciImageInfo`.
    """
    prefix = label.name + ".import"
    outputs = {
        "config": ctx.actions.declare_file(prefix + ".config.json"),
        "manifest": ctx.actions.declare_file(prefix + ".manifest.json"),
        "digest": ctx.actions.declare_file(prefix + ".digest"),
        "description": ctx.actions.declare_file(prefix + ".description.json"),
    }
    args = build_tool_args(ctx, "import")
    args.add(label_text(label), format = "--label=%s")
    add_layout_path(args, "--layout=%s", layout)
    if repository:
        args.add(repository, format = "--repository=%s")
    for field, output in outputs.items():
        args.add(output, format = "--" + field + "=%s")
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = layout.files,
        mnemonic = "ImportLayout",
        outputs = outputs.values(),
        progress_message = "Importing OCI layout %{label}",
    )
    return outputs
