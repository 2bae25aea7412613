"""Rules for container images: an image is described when it is built, and a delivery moves only the bytes that are missing.

This page is generated from the `.bzl` files in `oci/`.

```starlark
load("@rules_stevedore//oci:defs.bzl", "oci_image", "oci_incremental_load", "oci_layer", "oci_push")
```

`oci_layer`, `oci_image`, `oci_import`, `oci_flatten`, `oci_rebase`, `oci_run_and_commit`, `oci_run_and_commit_layer`,
`oci_run_and_extract`, `oci_index`, `oci_bundle`, `oci_incremental_load`, `oci_push`, `oci_test`, `oci_image_test`,
`oci_expected_file`, `oci_expected_command`, `oci_metadata` and `oci_healthcheck` are in `defs.bzl`; the toolchain rules in
`toolchain.bzl`; the providers in `providers.bzl`; `oci_pull` in `oci_pull.bzl`; the module extensions in `extensions.bzl`.
"""

load(
    "//oci:defs.bzl",
    _oci_bundle = "oci_bundle",
    _oci_expected_command = "oci_expected_command",
    _oci_expected_file = "oci_expected_file",
    _oci_flatten = "oci_flatten",
    _oci_healthcheck = "oci_healthcheck",
    _oci_image = "oci_image",
    _oci_image_test = "oci_image_test",
    _oci_import = "oci_import",
    _oci_incremental_load = "oci_incremental_load",
    _oci_index = "oci_index",
    _oci_layer = "oci_layer",
    _oci_metadata = "oci_metadata",
    _oci_push = "oci_push",
    _oci_rebase = "oci_rebase",
    _oci_run_and_commit = "oci_run_and_commit",
    _oci_run_and_commit_layer = "oci_run_and_commit_layer",
    _oci_run_and_extract = "oci_run_and_extract",
    _oci_test = "oci_test",
)
load("//oci:extensions.bzl", _oci = "oci", _stevedore = "stevedore")
load("//oci:oci_pull.bzl", _oci_pull = "oci_pull")
load(
    "//oci:providers.bzl",
    _OciBundleInfo = "OciBundleInfo",
    _OciImageInfo = "OciImageInfo",
    _OciIndexInfo = "OciIndexInfo",
    _OciLayerInfo = "OciLayerInfo",
    _OciLoadInfo = "OciLoadInfo",
    _StevedoreToolInfo = "StevedoreToolInfo",
)
load(
    "//oci:toolchain.bzl",
    _stevedore_agent_toolchain = "stevedore_agent_toolchain",
    _stevedore_build_toolchain = "stevedore_build_toolchain",
    _stevedore_deliver_toolchain = "stevedore_deliver_toolchain",
)

visibility("private")

oci_layer = _oci_layer
oci_image = _oci_image
oci_import = _oci_import
oci_flatten = _oci_flatten
oci_rebase = _oci_rebase
oci_run_and_commit = _oci_run_and_commit
oci_run_and_commit_layer = _oci_run_and_commit_layer
oci_run_and_extract = _oci_run_and_extract
oci_index = _oci_index
oci_bundle = _oci_bundle
oci_incremental_load = _oci_incremental_load
oci_push = _oci_push
oci_test = _oci_test
oci_image_test = _oci_image_test
oci_expected_file = _oci_expected_file
oci_expected_command = _oci_expected_command
oci_metadata = _oci_metadata
oci_healthcheck = _oci_healthcheck
stevedore_build_toolchain = _stevedore_build_toolchain
stevedore_deliver_toolchain = _stevedore_deliver_toolchain
stevedore_agent_toolchain = _stevedore_agent_toolchain
OciImageInfo = _OciImageInfo
OciIndexInfo = _OciIndexInfo
OciBundleInfo = _OciBundleInfo
OciLayerInfo = _OciLayerInfo
OciLoadInfo = _OciLoadInfo
StevedoreToolInfo = _StevedoreToolInfo
oci = _oci
oci_pull = _oci_pull
stevedore = _stevedore
