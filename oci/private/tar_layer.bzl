"""Layers that are a tar which somebody else made, whatever rule it comes from.

An aspect describes the tars of a target in that target, so that each is read once for any number of images. Aspects do not
reach source files: a source tar that is a label in `oci_image.layers` is described by each image that names it. (A
`filegroup` or an `oci_layer` around it makes that once, too.)
"""

load("//oci:providers.bzl", "OciLayerInfo")
load(":attribute_error.bzl", "fail_attribute")
load(":build_tool.bzl", "BUILD_TOOLCHAIN_TYPE", "build_tool_args", "run_build_tool")
load(":compression.bzl", "TAR_SUFFIXES", "blob_suffix", "tar_suffix")
load(":compression_setting.bzl", "COMPRESSION_ATTRS", "default_compression")
load(":label_text.bzl", "label_text")

visibility(["//oci/..."])

_TarLayersInfo = provider(
    doc = "The layers that a target's tars are.",
    fields = {"layers": "dict of `File.path` to `OciLayerInfo`."},
)

def _tar_layers_aspect_impl(target, ctx):
    if OciLayerInfo in target:
        return []
    tars = [file for file in target[DefaultInfo].files.to_list() if _is_tar(file)]
    return [_TarLayersInfo(layers = {
        tar.path: _tar_layer_actions(ctx, label = target.label, prefix = target.label.name, source = tar)
        for tar in tars
    })]

# What a rule needs for `layers_of`, since it describes source files by itself.
TAR_LAYER_ATTRS = COMPRESSION_ATTRS

tar_layers_aspect = aspect(
    implementation = _tar_layers_aspect_impl,
    doc = "Describes the tars of a target.",
    attrs = TAR_LAYER_ATTRS,
    # A label of an output file, too, is described where the file is made.
    apply_to_generating_rules = True,
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)

def layers_of(ctx, *, attribute, target):
    """Returns the layers that a target stands for.

    Args:
      ctx: rule context with `TAR_LAYER_ATTRS`; the attribute has `tar_layers_aspect`.
      attribute: string; the attribute's name, for messages.
      target: `Target`; an `oci_layer`, or a target whose files are tars.

    Returns:
      list of `OciLayerInfo`.
    """
    if OciLayerInfo in target:
        return [target[OciLayerInfo]]
    described = target[_TarLayersInfo].layers if _TarLayersInfo in target else {}
    files = target[DefaultInfo].files.to_list()
    if not files:
        fail_attribute(ctx.label, attribute, "{} has no files: expected an oci_layer or tars".format(label_text(target.label)))
    for file in files:
        if not _is_tar(file):
            fail_attribute(ctx.label, attribute, "`{}` of {} is {}: expected an oci_layer or {}".format(
                file.basename,
                label_text(target.label),
                "a directory" if file.is_directory else "not a tar by its name",
                ", ".join(["`{}`".format(suffix) for suffix in TAR_SUFFIXES]),
            ))
    return [
        described.get(file.path) or
        _tar_layer_actions(ctx, label = target.label, prefix = ctx.label.name, source = file)
        for file in files
    ]

def _is_tar(file):
    return tar_suffix(file.basename) and not file.is_directory

def _tar_layer_actions(ctx, *, label, prefix, source):
    # The file's path is in the names, since a target can have several tars with the same base name.
    path = source.short_path.replace("../", "external/").removeprefix(ctx.label.package + "/")
    stem = "{}.layers/{}".format(prefix, path)
    description = ctx.actions.declare_file(stem + ".layer.json")
    blob_description = ctx.actions.declare_file(stem + ".blob.json")
    files = {
        "description": description,
        "blob_description": blob_description,
    }
    compression = default_compression(ctx)
    if tar_suffix(source.basename) != ".tar":
        # The file is the blob; one pass over it tells both digests.
        files |= {
            "blob": source,
            "tar": ctx.actions.declare_file(stem + ".tar"),
        }
        _run(ctx, label, source, "LayerDescribe", "Describing layer %{input}", {
            "--description": description,
            "--blob-description": blob_description,
        })
        decompress_layer(ctx, label = label, source = source, tar = files["tar"])
    elif compression == "none":
        files |= {
            "blob": source,
            "tar": source,
        }
        _run(ctx, label, source, "LayerDescribe", "Describing layer %{input}", {
            "--description": description,
            "--blob-description": blob_description,
        }, compression = compression)
    else:
        files |= {
            "blob": ctx.actions.declare_file(stem + blob_suffix(compression)),
            "tar": source,
        }
        _run(ctx, label, source, "LayerDescribe", "Describing layer %{input}", {"--description": description})
        compress_layer(
            ctx,
            blob = files["blob"],
            blob_description = blob_description,
            compression = compression,
            label = label,
            source = source,
        )
    return OciLayerInfo(label = label, **files)

def decompress_layer(ctx, *, label, source, tar):
    """Registers the action that decompresses a layer.

    Args:
      ctx: rule or aspect context.
      label: `Label` of the target that the layer is of, for messages.
      source: `File`; the compressed tar.
      tar: `File` to be made.
    """
    _run(ctx, label, source, "LayerTar", "Decompressing layer %{input}", {"--tar": tar})

def compress_layer(ctx, *, label, source, compression, blob, blob_description):
    """Registers the action that compresses a layer.

    Args:
      ctx: rule or aspect context.
      label: `Label` of the target that the layer is of, for messages.
      source: `File`; the tar.
      compression: `gzip`, `zstd` or `none`.
      blob: `File` to be made, or `None` if the tar is the blob.
      blob_description: `File` to be made; the blob's descriptor.
    """
    outputs = {"--blob": blob} if blob else {}
    _run(ctx, label, source, "LayerCompress", "Compressing layer %{input}", outputs | {
        "--blob-description": blob_description,
    }, compression = compression)

def _run(ctx, label, source, mnemonic, progress_message, outputs, *, compression = None):
    args = build_tool_args(ctx, "tar-layer")
    args.add(label_text(label), format = "--label=%s")
    args.add(source, format = "--source=%s")
    for flag, output in outputs.items():
        args.add(output, format = flag + "=%s")
    if compression:
        args.add(compression, format = "--compression=%s")
    run_build_tool(
        ctx,
        arguments = [args],
        inputs = depset([source]),
        mnemonic = mnemonic,
        outputs = outputs.values(),
        progress_message = progress_message,
    )
