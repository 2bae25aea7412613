"""The rules for container images.

```starlark
load("@rules_stevedore//oci:defs.bzl", "oci_image", "oci_incremental_load", "oci_layer")
```
"""

load("//oci:oci_healthcheck.bzl", _oci_healthcheck = "oci_healthcheck")
load("//oci:oci_image.bzl", _oci_image = "oci_image")
load("//oci:oci_import.bzl", _oci_import = "oci_import")
load("//oci:oci_incremental_load.bzl", _oci_incremental_load = "oci_incremental_load")
load("//oci:oci_layer.bzl", _oci_layer = "oci_layer")
load("//oci:oci_metadata.bzl", _oci_metadata = "oci_metadata")

visibility("public")

oci_healthcheck = _oci_healthcheck
oci_image = _oci_image
oci_import = _oci_import
oci_incremental_load = _oci_incremental_load
oci_layer = _oci_layer
oci_metadata = _oci_metadata
