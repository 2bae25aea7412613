"""Defines `oci_flatten`."""

load("//oci:providers.bzl", "OciImageInfo")
load("//oci/private:build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load("//oci/private:compression.bzl", "COMPRESSIONS")
load("//oci/private:compression_setting.bzl", "COMPRESSION_ATTRS", "default_compression")
load("//oci/private:config_spec.bzl", "manifest_spec")
load("//oci/private:flatten_config.bzl", "flatten_config_action")
load("//oci/private:flatten_recipe.bzl", "flatten_recipe")
load("//oci/private:image_actions.bzl", "manifest_action")
load("//oci/private:image_aspect.bzl", "image_aspect", "image_of")
load("//oci/private:image_outputs.bzl", "OUTPUT_GROUPS_DOC", "image_output_groups")
load("//oci/private:layer_actions.bzl", "layer_actions")
load("//oci/private:spec.bzl", "spec")
load("//oci/private:stamp.bzl", "STAMP_ATTRS", "is_stamped")

visibility("public")

def _oci_flatten_impl(ctx):
    original = image_of(ctx, attribute = "image", target = ctx.attr.image)
    layer = layer_actions(
        ctx,
        compression = ctx.attr.compression or default_compression(ctx),
        recipe = flatten_recipe(ctx, image = original),
        verb = "flatten",
    )
    config, description = flatten_config_action(ctx, image = original, layer = layer)
    manifest, digest = manifest_action(
        ctx,
        base = None,
        config = config,
        layers = [layer],
        spec = spec(json = manifest_spec(ctx), stamped = is_stamped(ctx)),
    )
    image = OciImageInfo(
        config = config,
        description = description,
        digest = digest,
        label = ctx.label,
        layers = (layer,),
        manifest = manifest,
    )
    return [
        DefaultInfo(files = depset([image.config, image.description])),
        image,
        image_output_groups(ctx, image = image),
    ]

oci_flatten = rule(
    implementation = _oci_flatten_impl,
    doc = """An image whose layers became one: what one layer adds and another replaces or deletes is gone from it.

```starlark
oci_flatten(
    name = "flat",
    image = ":image",
)
```

The config is that of the image, but for its history. Whiteouts, opaque directories and replaced types are applied as engines
apply them; data of which one name is deleted stays under its other names; owners, times, extended attributes and devices stay.
It costs reading all layers, and engines share nothing of the result with other images: it is for images that are delivered
once, or whose lower layers must not be in what is delivered.

{}""".format(OUTPUT_GROUPS_DOC.format(name = "flat")),
    # @unsorted-dict-items
    attrs = {
        "image": attr.label(
            doc = "The image: an `oci_image`, an `oci_import`, or a target with one directory in the OCI layout.",
            allow_files = True,
            aspects = [image_aspect],
            mandatory = True,
        ),
        "annotations": attr.string_dict(
            doc = """Annotations of the manifest, in whose values `{{KEY}}` is replaced as in `oci_image`. Those of the image's own
manifest are not taken over: to read them would compress all its layers.""",
        ),
        "compression": attr.string(
            doc = """How the blob of the layer is compressed: `gzip`, `zstd` or `none`. Empty: as the build setting
`@rules_stevedore//oci:compression` says.""",
            values = [""] + COMPRESSIONS,
        ),
    } | COMPRESSION_ATTRS | STAMP_ATTRS,
    provides = [OciImageInfo],
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)
