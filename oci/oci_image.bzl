"""Defines `oci_image`."""

load("//oci:providers.bzl", "OciImageInfo")
load("//oci/private:build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load("//oci/private:compression.bzl", "TAR_SUFFIXES")
load("//oci/private:config_spec.bzl", "RESETTABLE", "config_spec", "manifest_spec")
load("//oci/private:image_actions.bzl", "image_actions")
load("//oci/private:image_aspect.bzl", "image_aspect", "image_of")
load("//oci/private:image_outputs.bzl", "OUTPUT_GROUPS_DOC", "image_output_groups")
load("//oci/private:tar_layer.bzl", "layers_of", "tar_layers_aspect")
load("//oci/private:target_platform.bzl", "TARGET_PLATFORM_ATTRS", "target_platform")

visibility("public")

def _oci_image_impl(ctx):
    layers = [
        layer
        for target in ctx.attr.layers
        for layer in layers_of(ctx, attribute = "layers", target = target)
    ]
    image = image_actions(
        ctx,
        base = image_of(ctx, attribute = "base", target = ctx.attr.base) if ctx.attr.base else None,
        config_spec = config_spec(ctx, layers = layers, platform = target_platform(ctx)),
        layers = layers,
        manifest_spec = manifest_spec(ctx),
    )
    return [
        DefaultInfo(files = depset([image.config, image.description])),
        image,
        image_output_groups(ctx, image = image),
    ]

oci_image = rule(
    implementation = _oci_image_impl,
    doc = """A container image: a base, layers on top of it, and the config.

```starlark
oci_image(
    name = "image",
    base = "@debian",
    layers = [":app_layer"],
    entrypoint = ["/app/server"],
    env = {{"PATH": "/app:$PATH"}},
    exposed_ports = ["8080/tcp"],
)
```

The default outputs are the config and the description, a few kilobytes of JSON: building an image writes no layer.

{}""".format(OUTPUT_GROUPS_DOC.format(name = "image")),
    # @unsorted-dict-items
    attrs = {
        "base": attr.label(
            doc = """The image to add to: an `oci_image`, an `oci_import`, or any target with one directory in the OCI layout,
such as rules_oci's `oci_image`. Without it the image begins with nothing. What the base's config says is inherited.""",
            allow_files = True,
            aspects = [image_aspect],
        ),
        "layers": attr.label_list(
            doc = """What to add, the bottom layer first: `oci_layer` targets, or targets and files that are tars ({}). Each tar is
a layer. An uncompressed one is pushed as gzip; a compressed one as it is. A tar is read once for all images that have it; only
a source file that is named here directly is read by each of them (a `filegroup` around it helps).""".format(
                ", ".join(["`{}`".format(suffix) for suffix in TAR_SUFFIXES]),
            ),
            allow_files = True,
            aspects = [tar_layers_aspect],
        ),
        "entrypoint": attr.string_list(
            doc = """The command that a container begins with: the program and its arguments. Replaces the base's, and clears the
base's `cmd`. Empty: the base's stays (see `reset`).""",
        ),
        "cmd": attr.string_list(
            doc = """Arguments for `entrypoint`, or the command if there is none, which the user of the image can replace. Replaces
the base's. Empty: the base's stays (see `reset`).""",
        ),
        "env": attr.string_dict(
            doc = """Environment variables. They are added to the base's, or replace them. `$NAME` and `${NAME}` in a value are the
base's variable, or one above in this attribute; nothing if there is none. `$$` is a dollar sign.""",
        ),
        "labels": attr.string_dict(
            doc = "Labels of the image's config. They are added to the base's, or replace them.",
        ),
        "annotations": attr.string_dict(
            doc = "Annotations of the image's manifest.",
        ),
        "user": attr.string(
            doc = "The user that the command runs as: `user`, `uid`, `user:group`, `uid:gid`. Empty: the base's.",
        ),
        "workdir": attr.string(
            doc = "The working directory of the command, an absolute path. Empty: the base's.",
        ),
        "exposed_ports": attr.string_list(
            doc = "Ports that the image serves: `8080` (tcp), `8080/tcp`, `53/udp`. They are added to the base's.",
        ),
        "volumes": attr.string_list(
            doc = "Absolute paths of directories that are to be volumes. They are added to the base's.",
        ),
        "stop_signal": attr.string(
            doc = "The signal that stops a container: a name like `SIGTERM`, or a number. Empty: the base's.",
        ),
        "healthcheck": attr.string(
            doc = "How an engine finds out whether a container works: `oci_healthcheck(...)`. Empty: the base's.",
        ),
        "os": attr.string(
            doc = """The operating system, [as Go names it](https://go.dev/doc/install/source#environment). Empty: the base's; without
a base that of the target platform (on macOS: `linux`). One that differs from the base's is an error.""",
        ),
        "architecture": attr.string(
            doc = """The processor architecture, as Go names it: `amd64`, `arm64`. Empty: the base's; without a base that of the target
platform. One that differs from the base's is an error.""",
        ),
        "variant": attr.string(
            doc = "The variant of the architecture, like `v8`. Empty: the base's; without a base that of the target platform.",
        ),
        "created": attr.string(
            doc = """The image's creation time, as [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339#section-5.6) has it:
`2026-01-31T12:00:00Z`. Empty: `1970-01-01T00:00:00Z`, so that the same inputs make the same image.""",
        ),
        "reset": attr.string_list(
            doc = """What of the base's config is not inherited: {}. `entrypoint` and `cmd` are then null. For those that are added to
the base's (`env`, `labels`, ...), the image begins with none.""".format(
                ", ".join(["`{}`".format(field) for field in RESETTABLE]),
            ),
        ),
    } | TARGET_PLATFORM_ATTRS,
    provides = [OciImageInfo],
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)
