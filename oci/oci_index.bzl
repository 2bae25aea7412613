"""Defines `oci_index`."""

load("//oci:providers.bzl", "OciIndexInfo")
load("//oci/private:attribute_error.bzl", "fail_attribute")
load("//oci/private:build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load("//oci/private:config_spec.bzl", "manifest_spec")
load("//oci/private:image_aspect.bzl", "image_aspect", "image_of")
load("//oci/private:index_actions.bzl", "index_action", "index_layout_action")
load("//oci/private:label_text.bzl", "label_text")
load("//oci/private:platform_split.bzl", "PLATFORM_SPLIT_ATTRS", "platform_split", "platform_split_targets")

visibility("public")

def _oci_index_impl(ctx):
    members = _members(ctx)
    images = tuple([member.image for member in members])
    names = tuple([member.name for member in members])
    manifest, digest = index_action(ctx, images = images, names = names, spec = manifest_spec(ctx))
    return [
        DefaultInfo(files = depset([manifest])),
        OciIndexInfo(digest = digest, images = images, label = ctx.label, manifest = manifest, names = names),
        OutputGroupInfo(
            digest = depset([digest]),
            oci_layout = depset([index_layout_action(ctx, images = images, index = manifest, names = names)]),
        ),
    ]

def _members(ctx):
    """Returns a list of structs of `image`, an `OciImageInfo`, and `name`, what messages call it."""
    attr = ctx.attr
    if attr.image and attr.images:
        fail_attribute(ctx.label, "images", "is given, and so is `image`: expected either `image` (with `platforms`) or `images`")
    if bool(attr.image) != bool(attr.platforms):
        fail_attribute(ctx.label, "platforms", "is {} `image`: expected both, one image and the platforms that it is built for".format(
            "empty, but there is an" if attr.image else "given, but there is no",
        ))
    if attr.image:
        return [
            struct(image = image_of(ctx, attribute = "image", target = built.target), name = built.name)
            for built in platform_split_targets(ctx, attribute = "image")
        ]
    if not attr.images:
        fail_attribute(ctx.label, "images", "is empty, and there is no `image`: expected the images of the index, one for each platform")
    images = [image_of(ctx, attribute = "images", target = target) for target in attr.images]
    return [struct(image = image, name = label_text(image.label)) for image in images]

oci_index = rule(
    implementation = _oci_index_impl,
    doc = """An [index](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md): images of which an engine
takes the one for its platform. It is pushed with `oci_push`, and loaded with `oci_incremental_load`.

One image, built for several platforms:

```starlark
oci_index(
    name = "index",
    image = ":image",
    platforms = [
        "//platforms:linux_amd64",
        "//platforms:linux_arm64",
    ],
)
```

Or several images:

```starlark
oci_index(
    name = "index",
    images = [
        ":image_amd64",
        ":image_arm64",
    ],
)
```

The default output is the index, a kilobyte of JSON; asking for it compresses the layers. Output groups:

- `oci_layout`: a directory in the OCI layout with the index and its images, each blob once.
- `digest`: a file with the index's digest, `sha256:<hex>`.""",
    attrs = {
        "annotations": attr.string_dict(
            doc = "Annotations of the index.",
        ),
        "image": attr.label(
            doc = """The image that is built for each of `platforms`; instead of `images`. A base that is there for several platforms is
chosen for each, and so is what the layers are made of.""",
            allow_files = True,
            aspects = [image_aspect],
            cfg = platform_split,
        ),
        "images": attr.label_list(
            doc = """The images, in this order: `oci_image`, `oci_import`, or targets with one directory in the OCI layout. What each
is for is in its config (`os`, `architecture`, `variant`, `os.version`); two for the same platform are an error.""",
            allow_files = True,
            aspects = [image_aspect],
        ),
        "platforms": attr.label_list(
            doc = """[Platforms](https://bazel.build/extending/platforms) that `image` is built for, as `--platforms` takes one. The index
has the images in this order.""",
            providers = [platform_common.PlatformInfo],
        ),
    } | PLATFORM_SPLIT_ATTRS,
    provides = [OciIndexInfo],
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)
