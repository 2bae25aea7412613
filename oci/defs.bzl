"""The rules for container images.

```starlark
load("@rules_stevedore//oci:defs.bzl", "oci_image", "oci_incremental_load", "oci_layer", "oci_push")
```
"""

load("//oci:oci_bundle.bzl", _oci_bundle = "oci_bundle")
load("//oci:oci_expected_command.bzl", _oci_expected_command = "oci_expected_command")
load("//oci:oci_expected_file.bzl", _oci_expected_file = "oci_expected_file")
load("//oci:oci_flatten.bzl", _oci_flatten = "oci_flatten")
load("//oci:oci_healthcheck.bzl", _oci_healthcheck = "oci_healthcheck")
load("//oci:oci_image.bzl", _oci_image = "oci_image")
load("//oci:oci_image_test.bzl", _oci_image_test = "oci_image_test")
load("//oci:oci_import.bzl", _oci_import = "oci_import")
load("//oci:oci_incremental_load.bzl", _oci_incremental_load = "oci_incremental_load")
load("//oci:oci_index.bzl", _oci_index = "oci_index")
load("//oci:oci_layer.bzl", _oci_layer = "oci_layer")
load("//oci:oci_metadata.bzl", _oci_metadata = "oci_metadata")
load("//oci:oci_push.bzl", _oci_push = "oci_push")
load("//oci:oci_rebase.bzl", _oci_rebase = "oci_rebase")
load("//oci:oci_run_and_commit.bzl", _oci_run_and_commit = "oci_run_and_commit")
load("//oci:oci_run_and_commit_layer.bzl", _oci_run_and_commit_layer = "oci_run_and_commit_layer")
load("//oci:oci_run_and_extract.bzl", _oci_run_and_extract = "oci_run_and_extract")
load("//oci:oci_test.bzl", _oci_test = "oci_test")

visibility("public")

oci_bundle = _oci_bundle
oci_expected_command = _oci_expected_command
oci_expected_file = _oci_expected_file
oci_flatten = _oci_flatten
oci_healthcheck = _oci_healthcheck
oci_image = _oci_image
oci_image_test = _oci_image_test
oci_import = _oci_import
oci_incremental_load = _oci_incremental_load
oci_index = _oci_index
oci_layer = _oci_layer
oci_metadata = _oci_metadata
oci_push = _oci_push
oci_rebase = _oci_rebase
oci_run_and_commit = _oci_run_and_commit
oci_run_and_commit_layer = _oci_run_and_commit_layer
oci_run_and_extract = _oci_run_and_extract
oci_test = _oci_test
