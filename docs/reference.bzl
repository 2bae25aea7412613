"""Rules for container images: an image is described when it is built, and a delivery moves only the bytes that are missing.

This page is generated from the `.bzl` files in `oci/`.

```starlark
load("@rules_stevedore//oci:defs.bzl", "oci_image", "oci_incremental_load", "oci_layer")
```

`oci_layer`, `oci_image`, `oci_import`, `oci_incremental_load`, `oci_metadata` and `oci_healthcheck` are in `defs.bzl`; the
toolchain rules in `toolchain.bzl`; the providers in `providers.bzl`; the module extension in `extensions.bzl`.
"""

load(
    "//oci:defs.bzl",
    _oci_healthcheck = "oci_healthcheck",
    _oci_image = "oci_image",
    _oci_import = "oci_import",
    _oci_incremental_load = "oci_incremental_load",
    _oci_layer = "oci_layer",
    _oci_metadata = "oci_metadata",
)
load("//oci:extensions.bzl", _stevedore = "stevedore")
load(
    "//oci:providers.bzl",
    _OciImageInfo = "OciImageInfo",
    _OciLayerInfo = "OciLayerInfo",
    _StevedoreToolInfo = "StevedoreToolInfo",
)
load(
    "//oci:toolchain.bzl",
    _stevedore_build_toolchain = "stevedore_build_toolchain",
    _stevedore_deliver_toolchain = "stevedore_deliver_toolchain",
)

visibility("private")

oci_layer = _oci_layer
oci_image = _oci_image
oci_import = _oci_import
oci_incremental_load = _oci_incremental_load
oci_metadata = _oci_metadata
oci_healthcheck = _oci_healthcheck
stevedore_build_toolchain = _stevedore_build_toolchain
stevedore_deliver_toolchain = _stevedore_deliver_toolchain
OciImageInfo = _OciImageInfo
OciLayerInfo = _OciLayerInfo
StevedoreToolInfo = _StevedoreToolInfo
stevedore = _stevedore
