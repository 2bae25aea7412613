"""Defines `oci_index`."""

load("//oci:providers.bzl", "OciIndexInfo")
load("//oci/private:attribute_error.bzl", "fail_attribute")
load("//oci/private:build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load("//oci/private:config_spec.bzl", "manifest_spec")
load("//oci/private:image_aspect.bzl", "image_aspect", "image_of")
load("//oci/private:index_actions.bzl", "index_action", "index_layout_action")

visibility("public")

def _oci_index_impl(ctx):
    images = tuple([image_of(ctx, attribute = "images", target = target) for target in ctx.attr.images])
    if not images:
        fail_attribute(ctx.label, "images", "is empty: expected the images of the index, one for each platform")
    manifest, digest = index_action(ctx, images = images, spec = manifest_spec(ctx))
    return [
        DefaultInfo(files = depset([manifest])),
        OciIndexInfo(digest = digest, images = images, label = ctx.label, manifest = manifest),
        OutputGroupInfo(
            digest = depset([digest]),
            oci_layout = depset([index_layout_action(ctx, images = images, index = manifest)]),
        ),
    ]

oci_index = rule(
    implementation = _oci_index_impl,
    doc = """An [index](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md): images of which an engine
takes the one for its platform. It is pushed with `oci_push`.

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
        "images": attr.label_list(
            doc = """The images, in this order: `oci_image`, `oci_import`, or targets with one directory in the OCI layout. What each
is for is in its config (`os`, `architecture`, `variant`, `os.version`); two for the same platform are an error.""",
            allow_files = True,
            aspects = [image_aspect],
            mandatory = True,
        ),
    },
    provides = [OciIndexInfo],
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)
