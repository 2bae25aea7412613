"""Defines `oci_run_and_commit_layer`."""

load("//oci:providers.bzl", "OciLayerInfo")
load("//oci/private:build_tool.bzl", "BUILD_TOOLCHAIN_TYPE")
load("//oci/private:run_layer.bzl", "RUN_LAYER_ATTRS", "run_layer")
load("//oci/private:run_platform.bzl", "run_platform")

visibility("public")

def _oci_run_and_commit_layer_impl(ctx):
    layer = run_layer(ctx)
    return [
        DefaultInfo(files = depset([layer.description])),
        layer,
        OutputGroupInfo(
            blob = depset([layer.blob]),
            tar = depset([layer.tar]),
        ),
    ]

oci_run_and_commit_layer = rule(
    implementation = _oci_run_and_commit_layer_impl,
    doc = """The layer that commands leave behind in a container, and only that. See [Commands in containers](run.md).

```starlark
oci_run_and_commit_layer(
    name = "tools_layer",
    base = "@debian",
    commands = ["apt-get install --yes --no-install-recommends /in/*.deb"],
    inputs = {"/in/": "@tools//:debs"},
)
```

It can be one of the `layers` of an `oci_image` whose base is the same, or is made of it. Building it runs the commands. The
default output is the layer's description, a few bytes of JSON; the output groups `tar` and `blob` are the uncompressed and the
compressed layer.""",
    attrs = RUN_LAYER_ATTRS,
    cfg = run_platform,
    provides = [OciLayerInfo],
    toolchains = [BUILD_TOOLCHAIN_TYPE],
)
