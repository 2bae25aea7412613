"""The action that makes an image out of an archive: a tar of an OCI layout, or what `docker save` writes."""

load(":build_tool.bzl", "run_build_tool")
load(":image_outputs.bzl", "add_directory")
load(":layout_import.bzl", "import_args", "import_outputs")

visibility(["//oci/..."])

def import_archive(ctx, *, archive, choice, compression, repository):
    """Registers the action that checks an archive's image, and writes it and its metadata.

    The action reads the archive's list of members, and then every blob of the image once: it is hashed while it is copied.

    Args:
      ctx: rule context.
      archive: `File`.
      choice: struct that `image_choice` returns.
      compression: string; that of layers which have none in the archive.
      repository: string; where the layers were pulled from, or empty.

    Returns:
      dict of the fields `base_layout`, `config`, `manifest`, `digest` and `description` of `OciImageInfo`.
    """
    layout = ctx.actions.declare_directory(ctx.label.name + ".import.layout")
    outputs = import_outputs(ctx, label = ctx.label)
    args = import_args(ctx, label = ctx.label, choice = choice, outputs = outputs, repository = repository)
    args.add(archive, format = "--archive=%s")
    args.add(compression, format = "--compression=%s")
    add_directory(args, "--output", layout)
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset([archive]),
        mnemonic = "ImportArchive",
        outputs = outputs.values() + [layout],
        progress_message = "Importing archive %{label}",
    )
    return outputs | {"base_layout": layout}
