"""The actions of a layer that is made from a recipe, or of the layers of an image.

They all have the same inputs and one kind of output each, so Bazel runs only what somebody asks for: an image asks for the
description, a load for the tar, a push for the blob.
"""

load("//oci:providers.bzl", "OciLayerInfo")
load(":build_tool.bzl", "run_build_tool")
load(":compression.bzl", "blob_suffix")

visibility(["//oci/..."])

def layer_actions(ctx, *, recipe, compression, verb = "layer"):
    """Registers the actions of a layer.

    Args:
      ctx: rule context.
      recipe: struct that `layer_recipe` or `flatten_recipe` returns.
      compression: `gzip`, `zstd` or `none`.
      verb: string; the build tool's verb for such a recipe.

    Returns:
      `OciLayerInfo`.
    """
    compressed = compression != "none"
    description = ctx.actions.declare_file(ctx.label.name + ".layer.json")
    blob_description = ctx.actions.declare_file(ctx.label.name + ".blob.json")
    tar = ctx.actions.declare_file(ctx.label.name + ".tar")

    # What is not compressed has one digest, so one pass tells both.
    _describe(
        ctx,
        blob_description = None if compressed else blob_description,
        description = description,
        recipe = recipe,
        verb = verb,
    )
    _write_tar(ctx, recipe = recipe, tar = tar, verb = verb)
    blob = tar
    if compressed:
        blob = ctx.actions.declare_file(ctx.label.name + blob_suffix(compression))
        _compress(
            ctx,
            blob = blob,
            blob_description = blob_description,
            compression = compression,
            recipe = recipe,
            verb = verb,
        )
    return OciLayerInfo(
        blob = blob,
        blob_description = blob_description,
        description = description,
        label = ctx.label,
        tar = tar,
    )

def _describe(ctx, *, verb, recipe, description, blob_description):
    args = ctx.actions.args()
    args.add(verb)
    args.add(description, format = "--description=%s")
    outputs = [description]
    if blob_description:
        args.add("--compression=none")
        args.add(blob_description, format = "--blob-description=%s")
        outputs.append(blob_description)
    _run(ctx, args, recipe, outputs, "LayerDescribe", "Describing layer %{label}")

def _write_tar(ctx, *, verb, recipe, tar):
    args = ctx.actions.args()
    args.add(verb)
    args.add(tar, format = "--tar=%s")
    _run(ctx, args, recipe, [tar], "LayerTar", "Writing layer %{label}")

def _compress(ctx, *, verb, recipe, compression, blob, blob_description):
    args = ctx.actions.args()
    args.add(verb)
    args.add(compression, format = "--compression=%s")
    args.add(blob, format = "--blob=%s")
    args.add(blob_description, format = "--blob-description=%s")
    _run(ctx, args, recipe, [blob, blob_description], "LayerCompress", "Compressing layer %{label}")

def _run(ctx, args, recipe, outputs, mnemonic, progress_message):
    run_build_tool(
        ctx,
        # Two objects: the flags, and the recipe, which always goes into a file of its own.
        arguments = [args, recipe.args],
        inputs = recipe.inputs,
        mnemonic = mnemonic,
        outputs = outputs,
        progress_message = progress_message,
    )
