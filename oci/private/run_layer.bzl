"""The layer that commands leave behind."""

load("//oci:providers.bzl", "OciLayerInfo")
load(":compression.bzl", "COMPRESSIONS", "blob_suffix")
load(":compression_setting.bzl", "COMPRESSION_ATTRS", "default_compression")
load(":image_aspect.bzl", "image_of")
load(":run_action.bzl", "run_action")
load(":run_attrs.bzl", "RUN_ATTRS", "check_run_attrs")
load(":tar_layer.bzl", "compress_layer")

visibility(["//oci/..."])

RUN_LAYER_ATTRS = RUN_ATTRS | {
    "allow_empty": attr.bool(
        doc = "Whether commands that change nothing make an empty layer. Without it they are an error.",
    ),
    "compression": attr.string(
        doc = """How the blob of the layer is compressed: `gzip`, `zstd` or `none`. Empty: as the build setting
`@rules_stevedore//oci:compression` says.""",
        values = [""] + COMPRESSIONS,
    ),
    "normalize": attr.bool(
        doc = """Whether no file of the layer is newer than 1970-01-01T00:00:00Z, or than `SOURCE_DATE_EPOCH` in `run_env` (seconds since
then), so that the same commands make the same layer at any time. Without it, times are kept as they are, in whole seconds.""",
        default = True,
    ),
} | COMPRESSION_ATTRS

def run_layer(ctx):
    """Registers the actions that run the target's commands and compress what they leave.

    Args:
      ctx: rule context with `RUN_LAYER_ATTRS`.

    Returns:
      `OciLayerInfo`.
    """
    check_run_attrs(ctx)
    tar = ctx.actions.declare_file(ctx.label.name + ".tar")
    description = ctx.actions.declare_file(ctx.label.name + ".layer.json")
    run_action(
        ctx,
        base = image_of(ctx, attribute = "base", target = ctx.attr.base),
        collect = struct(
            files = (),
            layer = {"allow_empty": ctx.attr.allow_empty, "normalize": ctx.attr.normalize},
        ),
        flags = {"--tar": tar, "--description": description},
        mnemonic = "RunAndCommit",
        outputs = [tar, description],
    )
    compression = ctx.attr.compression or default_compression(ctx)
    compressed = compression != "none"
    blob = ctx.actions.declare_file(ctx.label.name + blob_suffix(compression)) if compressed else tar
    blob_description = ctx.actions.declare_file(ctx.label.name + ".blob.json")
    compress_layer(
        ctx,
        blob = blob if compressed else None,
        blob_description = blob_description,
        compression = compression,
        label = ctx.label,
        source = tar,
    )
    return OciLayerInfo(
        blob = blob,
        blob_description = blob_description,
        description = description,
        label = ctx.label,
        tar = tar,
    )
