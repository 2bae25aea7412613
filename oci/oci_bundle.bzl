"""Defines `oci_bundle`."""

load("//oci:providers.bzl", "OciBundleInfo")
load("//oci/private:attribute_error.bzl", "fail_attribute")
load("//oci/private:build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load("//oci/private:content.bzl", "content_by_references")
load("//oci/private:image_aspect.bzl", "image_aspect")
load("//oci/private:stamp.bzl", "STAMP_ATTRS", "is_stamped")

visibility("public")

def _oci_bundle_impl(ctx):
    if not ctx.attr.images:
        fail_attribute(ctx.label, "images", "is empty: expected references, each with its image")
    return [
        OciBundleInfo(
            images = tuple(content_by_references(ctx, attribute = "images", images = ctx.attr.images)),
            label = ctx.label,
            stamped = is_stamped(ctx),
        ),
    ]

oci_bundle = rule(
    implementation = _oci_bundle_impl,
    doc = """Several images, each with its references, that are pushed together.

```starlark
oci_bundle(
    name = "bundle",
    images = {
        "registry.example/team/app:v1": ":app",
        "registry.example/team/db:v1": ":db",
    },
)

oci_push(
    name = "push",
    image = ":bundle",
)
```

It has no files of its own.""",
    attrs = {
        "images": attr.string_keyed_label_dict(
            doc = """References and their images: an `oci_image`, an `oci_import`, an `oci_index`, or a target with one directory in
the OCI layout. A reference is a repository with a tag or without, and may have placeholders like `{{KEY}}`; see `oci_push`.""",
            allow_files = True,
            aspects = [image_aspect],
            mandatory = True,
        ),
    } | STAMP_ATTRS,
    provides = [OciBundleInfo],
    # The aspect imports layouts with it.
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)
