"""Defines `oci_import`."""

load("//oci:providers.bzl", "OciImageInfo")
load("//oci/private:archive_import.bzl", "import_archive")
load("//oci/private:attribute_error.bzl", "fail_attribute")
load("//oci/private:build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load("//oci/private:compression.bzl", "COMPRESSIONS")
load("//oci/private:image_outputs.bzl", "OUTPUT_GROUPS_DOC", "image_output_groups")
load("//oci/private:label_text.bzl", "label_text")
load("//oci/private:layout_import.bzl", "image_choice", "import_layout")
load("//oci/private:layout_source.bzl", "layout_source", "layout_tree")
load("//oci/private:loose_import.bzl", "import_loose")
load("//oci/private:tar_layer.bzl", "TAR_LAYER_ATTRS", "layers_of", "tar_layers_aspect")
load("//oci/private:target_platform.bzl", "TARGET_PLATFORM_ATTRS", "target_platform")

visibility("public")

_SOURCES = ["archive", "config", "layout"]

def _oci_import_impl(ctx):
    _check_attributes(ctx)
    if ctx.file.archive:
        image = _archive(ctx)
    elif ctx.file.config:
        image = _loose(ctx)
    else:
        image = _layout(ctx)
    return [
        DefaultInfo(files = depset([image.config, image.description])),
        image,
        image_output_groups(ctx, image = image),
    ]

def _check_attributes(ctx):
    given = [name for name in _SOURCES if getattr(ctx.attr, name)]
    if len(given) != 1:
        fail_attribute(
            ctx.label,
            given[1] if given else _SOURCES[0],
            "{}: expected one of {}".format(
                "is given, and so is `{}`".format(given[0]) if given else "is missing",
                ", ".join(["`{}`".format(name) for name in _SOURCES]),
            ),
        )
    source = given[0]
    for name, sources in {
        "compression": ["archive"],
        "layers": ["config"],
        "tag": ["archive", "layout"],
    }.items():
        if getattr(ctx.attr, name) and source not in sources:
            fail_attribute(ctx.label, name, "is given with `{}`: it belongs to {}".format(
                source,
                " or ".join(["`{}`".format(name) for name in sources]),
            ))

def _archive(ctx):
    metadata = import_archive(
        ctx,
        archive = ctx.file.archive,
        choice = _choice(ctx),
        compression = ctx.attr.compression or "none",
        repository = ctx.attr.repository,
    )
    return OciImageInfo(
        base_layout_files = depset([metadata["base_layout"]]),
        label = ctx.label,
        **metadata
    )

def _layout(ctx):
    layout = layout_source(ctx.attr.layout)
    if layout.error:
        fail_attribute(ctx.label, "layout", "{}: {}".format(label_text(ctx.attr.layout.label), layout.error))
    metadata = import_layout(ctx, choice = _choice(ctx), label = ctx.label, layout = layout, repository = ctx.attr.repository)
    tree = None if layout.directory else layout_tree(ctx, layout = layout, metadata = metadata)
    return OciImageInfo(
        base_layout = layout.directory or tree,
        base_layout_files = layout.files if layout.directory else depset([tree]),
        label = ctx.label,
        **metadata
    )

def _loose(ctx):
    return import_loose(
        ctx,
        config = ctx.file.config,
        layers = [
            layer
            for target in ctx.attr.layers
            for layer in layers_of(ctx, attribute = "layers", target = target)
        ],
        repository = ctx.attr.repository,
    )

def _choice(ctx):
    return image_choice(platform = target_platform(ctx), tag = ctx.attr.tag)

oci_import = rule(
    implementation = _oci_import_impl,
    doc = """An image that something else made, for example as a base: from an archive, a directory in the
[OCI layout](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md), or loose files.

```starlark
oci_import(
    name = "debian",
    archive = "debian.tar",  # by `docker save`, podman, crane or skopeo
)

oci_import(
    name = "alpine",
    layout = "alpine_layout",  # a directory with oci-layout, index.json and blobs/
)

oci_import(
    name = "busybox",
    config = "config.json",
    layers = ["layer.tar.gz"],
)
```

The config is kept byte for byte, so the image's ID is the one that it had. The import reads every blob once and compares its
digest, its size, and the digest of what it decompresses to; what is built on top reads a few kilobytes of JSON.

Of several images the one with the name `tag` is taken, and of those the one for the target platform; an only image is taken
for whatever platform it is.

{}""".format(OUTPUT_GROUPS_DOC.format(name = "debian")),
    # @unsorted-dict-items
    attrs = {
        "archive": attr.label(
            doc = """A tar of an OCI layout, or one as `docker save`, podman, crane and skopeo write it; plain, or compressed with gzip or
zstd. It is copied once, into a directory in the OCI layout.""",
            allow_single_file = True,
        ),
        "layout": attr.label(
            doc = """The layout: a target with one directory (a tree artifact, or rules_oci's `oci_image` or `oci_image_index`); a
directory of source files; or a target with the layout's files, like a `filegroup` with `glob(["layout/**"])`.

Bazel notices a change in a directory of source files only with `--host_jvm_args=-DBAZEL_TRACK_SOURCE_DIRECTORIES=1`. A
layout that is given file by file is copied once, for whoever needs its layers' bytes.""",
            allow_files = True,
        ),
        "config": attr.label(
            doc = "The config of an image whose layers are `layers`.",
            allow_single_file = True,
        ),
        "layers": attr.label_list(
            doc = """With `config`: its layers, the bottom one first; tars, plain or compressed, as `oci_image.layers` takes them. Their
digests are compared with the config's diff_ids.""",
            allow_files = True,
            aspects = [tar_layers_aspect],
        ),
        "tag": attr.string(
            doc = """With `archive` or `layout`: one of the names that the image has there, such as `app:dev`, where there are several images.
`docker.io/library/app:dev` is the same name.""",
        ),
        "compression": attr.string(
            doc = """With `archive`: the compression that layers get which have none in it, as in those of `docker save`. Empty or `none`:
they stay so, and are pushed so; `gzip` and `zstd` make a push smaller and the import slower. A layer that is compressed already
stays as it is.""",
            values = [""] + COMPRESSIONS,
        ),
        "repository": attr.string(
            doc = """Where the image was pulled from, without a tag: `docker.io/library/debian`. A push of this image, or of one
that has it as its base, into the same registry then lets the registry take the layers from there (it mounts them) and does not
send them. The image's digests do not depend on it.""",
        ),
    } | TAR_LAYER_ATTRS | TARGET_PLATFORM_ATTRS,
    provides = [OciImageInfo],
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)
