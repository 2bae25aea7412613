"""The build setting that says how layers are compressed which do not say it themselves."""

load(":compression.bzl", "COMPRESSIONS")
load(":label_text.bzl", "label_text")

visibility(["//oci/..."])

_CompressionInfo = provider(
    doc = "How layers are compressed.",
    fields = {"compression": "string; one of `COMPRESSIONS`."},
)

def _compression_setting_impl(ctx):
    compression = ctx.build_setting_value
    if compression not in COMPRESSIONS:
        fail("{}: got `{}`, expected one of {}".format(
            label_text(ctx.label),
            compression,
            ", ".join(["`{}`".format(name) for name in COMPRESSIONS]),
        ))
    return [_CompressionInfo(compression = compression)]

compression_setting = rule(
    implementation = _compression_setting_impl,
    doc = "How layers are compressed that do not say it themselves.",
    build_setting = config.string(flag = True),
)

COMPRESSION_ATTRS = {
    "_compression": attr.label(
        default = "//oci:compression",
        providers = [_CompressionInfo],
    ),
}

def default_compression(ctx):
    """Returns what the build setting says.

    Args:
      ctx: rule or aspect context with `COMPRESSION_ATTRS`.

    Returns:
      One of `COMPRESSIONS`.
    """
    return ctx.attr._compression[_CompressionInfo].compression
