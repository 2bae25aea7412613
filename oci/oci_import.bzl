"""Defines `oci_import`."""

load("//oci:providers.bzl", "OciImageInfo")
load("//oci/private:attribute_error.bzl", "fail_attribute")
load("//oci/private:build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load("//oci/private:image_outputs.bzl", "OUTPUT_GROUPS_DOC", "image_output_groups")
load("//oci/private:label_text.bzl", "label_text")
load("//oci/private:layout_import.bzl", "import_layout")
load("//oci/private:layout_source.bzl", "layout_source", "layout_tree")

visibility("public")

def _oci_import_impl(ctx):
    layout = layout_source(ctx.attr.layout)
    if layout.error:
        fail_attribute(ctx.label, "layout", "{}: {}".format(label_text(ctx.attr.layout.label), layout.error))
    metadata = import_layout(ctx, label = ctx.label, layout = layout, repository = ctx.attr.repository)
    tree = None if layout.directory else layout_tree(ctx, layout = layout, metadata = metadata)
    image = OciImageInfo(
        base_layout = layout.directory or tree,
        base_layout_files = layout.files if layout.directory else depset([tree]),
        label = ctx.label,
        **metadata
    )
    return [
        DefaultInfo(files = depset([image.config, image.description])),
        image,
        image_output_groups(ctx, image = image),
    ]

oci_import = rule(
    implementation = _oci_import_impl,
    doc = """An image from a directory in the
[OCI layout](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md), for example as a base.

```starlark
oci_import(
    name = "debian",
    layout = "debian_layout",  # a directory with oci-layout, index.json and blobs/
)
```

`index.json` must name one image (in the OCI format or Docker's version 2, schema 2). The import reads every blob once and
compares its digest, its size, and the digest of what it decompresses to; what is built on top reads a few kilobytes of JSON.

{}""".format(OUTPUT_GROUPS_DOC.format(name = "debian")),
    attrs = {
        "layout": attr.label(
            doc = """The layout: a target with one directory (a tree artifact, or rules_oci's `oci_image`); a directory of source
files; or a target with the layout's files, like a `filegroup` with `glob(["layout/**"])`.

Bazel notices a change in a directory of source files only with `--host_jvm_args=-DBAZEL_TRACK_SOURCE_DIRECTORIES=1`. A
layout that is given file by file is copied once, for whoever needs its layers' bytes. An archive of a layout is not a layout:
unpack it first.""",
            allow_files = True,
            mandatory = True,
        ),
        "repository": attr.string(
            doc = """Where the layout was pulled from, without a tag: `docker.io/library/debian`. A push of this image, or of one
that has it as its base, into the same registry then lets the registry take the layers from there (it mounts them) and does not
send them. The image's digests do not depend on it.""",
        ),
    },
    provides = [OciImageInfo],
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)
