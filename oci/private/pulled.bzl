"""The rules that the repositories of `oci.pull` are made of. Not for BUILD files of people."""

load(":load.bzl", _pulled_load = "oci_incremental_load")
load(":pulled_base.bzl", _pulled_base = "pulled_base")
load(":pulled_image.bzl", _pulled_image = "pulled_image")
load(":pulled_layer.bzl", _pulled_layer = "pulled_layer")
load(":unusable_image.bzl", _unusable_image = "unusable_image")

# The generated repositories load it, whatever they are called.
visibility("public")

pulled_base = _pulled_base
pulled_image = _pulled_image
pulled_layer = _pulled_layer
pulled_load = _pulled_load
unusable_image = _unusable_image
