"""Defines `oci_rebase`."""

load("//oci:providers.bzl", "OciImageInfo")
load("//oci/private:build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load("//oci/private:image_aspect.bzl", "image_aspect", "image_of")
load("//oci/private:image_outputs.bzl", "OUTPUT_GROUPS_DOC", "image_output_groups")
load("//oci/private:rebase_actions.bzl", "rebase_actions")

visibility("public")

def _oci_rebase_impl(ctx):
    image = rebase_actions(
        ctx,
        image = image_of(ctx, attribute = "image", target = ctx.attr.image),
        new_base = image_of(ctx, attribute = "new_base", target = ctx.attr.new_base),
        old_base = image_of(ctx, attribute = "old_base", target = ctx.attr.old_base),
    )
    return [
        DefaultInfo(files = depset([image.config, image.description])),
        image,
        image_output_groups(ctx, image = image),
    ]

oci_rebase = rule(
    implementation = _oci_rebase_impl,
    doc = """An image with another base under its own layers.

```starlark
oci_rebase(
    name = "app_on_new_debian",
    image = "@app",
    old_base = "@debian_12_1",
    new_base = "@debian_12_2",
)
```

It is for images that were built elsewhere; one that is built here gets another base by its attribute `base`. As with
`crane rebase`: the settings of `image` stay, those included that it has from the config of `old_base`; layers, history and
platform of `new_base` take the place of those of `old_base`. That the lowest layers of `image` are those of `old_base` is
checked, and that `new_base` is for the same platform. Whether the layers work on the new base, nobody can tell.

No layer is read, unless `image` and `old_base` come in different ways (an archive and a registry): then the blobs of the result
are collected in one directory.

{}""".format(OUTPUT_GROUPS_DOC.format(name = "app_on_new_debian")),
    # @unsorted-dict-items
    attrs = {
        "image": attr.label(
            doc = "The image: an `oci_image`, an `oci_import`, or a target with one directory in the OCI layout.",
            allow_files = True,
            aspects = [image_aspect],
            mandatory = True,
        ),
        "old_base": attr.label(
            doc = "The image that `image` is made of.",
            allow_files = True,
            aspects = [image_aspect],
            mandatory = True,
        ),
        "new_base": attr.label(
            doc = "The image that takes its place.",
            allow_files = True,
            aspects = [image_aspect],
            mandatory = True,
        ),
    },
    provides = [OciImageInfo],
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)
