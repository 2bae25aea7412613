"""Defines `oci_bundle`."""

load("//oci:providers.bzl", "OciBundleInfo")
load("//oci/private:attribute_error.bzl", "fail_attribute")
load("//oci/private:build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load("//oci/private:content.bzl", "content_by_references")
load("//oci/private:image_aspect.bzl", "image_aspect")
load("//oci/private:image_outputs.bzl", "docker_archive_action")
load("//oci/private:stamp.bzl", "STAMP_ATTRS", "is_stamped")
load("//oci/private:tags.bzl", "tags_of_contents")
load("//oci/private:target_platform.bzl", "TARGET_PLATFORM_ATTRS")

visibility("public")

def _oci_bundle_impl(ctx):
    if not ctx.attr.images:
        fail_attribute(ctx.label, "images", "is empty: expected references, each with its image")
    contents = content_by_references(ctx, attribute = "images", images = ctx.attr.images)
    images = tags_of_contents(ctx, contents = contents, stamped = is_stamped(ctx))
    return [
        OciBundleInfo(
            images = tuple(contents),
            label = ctx.label,
            stamped = is_stamped(ctx),
        ),
        OutputGroupInfo(
            docker_archive = depset([docker_archive_action(ctx, images = images)]),
        ),
    ]

oci_bundle = rule(
    implementation = _oci_bundle_impl,
    doc = """Several images, each with its references, that are delivered together.

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

oci_incremental_load(
    name = "load",
    image = ":bundle",
)
```

A push and a load send a layer that several of the images have once. A reference without a tag is pushed by its digest alone,
and loaded as `latest`.

It has no default output. The output group `docker_archive` is a tar of all images with their references, for `docker load`;
a shared layer is in it once, and of an index it has the image for the target platform.""",
    attrs = {
        "images": attr.string_keyed_label_dict(
            doc = """References and their images: an `oci_image`, an `oci_import`, an `oci_index`, or a target with one directory in
the OCI layout. A reference is a repository with a tag or without, and may have placeholders like `{{KEY}}`; see `oci_push`.""",
            allow_files = True,
            aspects = [image_aspect],
            mandatory = True,
        ),
    } | STAMP_ATTRS | TARGET_PLATFORM_ATTRS,
    provides = [OciBundleInfo],
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)
