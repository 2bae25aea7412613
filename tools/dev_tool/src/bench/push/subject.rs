//! Further images that are pushed: one of many layers, and many that share their base. They lie beside
//! [`super::super::subject`]'s, whose image is pushed too.

use std::path::Path;

use anyhow::{Context, Result};

use crate::bench::subject::{write_file, write_files};

/// Layers of the image that is pushed over a distance.
pub(crate) const FAR_LAYERS: usize = 20;

/// Images that share their base.
pub(crate) const CROWD: usize = 100;

/// Layers of that base.
pub(crate) const SHARED_LAYERS: usize = 10;

/// Bytes of the one file in each layer.
const FAR_LAYER: u64 = 200_000;
const SHARED_LAYER: u64 = 1_000_000;
const OWN_LAYER: u64 = 10_000;

/// The package, in the workspace that [`super::super::subject::write`] has made.
const PACKAGE: &str = "push";

/// Where the targets point to; a push is told another place.
const BUILD: &str = r#""""Written by dev/bench."""

load("@rules_stevedore//oci:defs.bzl", "oci_image", "oci_incremental_load", "oci_layer", "oci_push")

[
    oci_layer(
        name = "{}_layer_{}".format(kind, index),
        srcs = {"/srv/": "{}/000/{}".format(kind, index)},
    )
    for kind, count in [
        ("far", FAR),
        ("shared", SHARED),
        ("own", CROWD),
    ]
    for index in range(count)
]

[
    oci_image(
        name = kind,
        layers = [":{}_layer_{}".format(kind, index) for index in range(count)],
    )
    for kind, count in [
        ("far", FAR),
        ("shared", SHARED),
    ]
]

[
    oci_image(
        name = "own_{}".format(index),
        base = ":shared",
        layers = [":own_layer_{}".format(index)],
    )
    for index in range(CROWD)
]

oci_incremental_load(
    name = "load_far",
    image = ":far",
    repo_tags = ["bench/far:latest"],
)

[
    oci_push(
        name = "push_" + name,
        image = image,
        remote_tags = ["latest"],
        repository = "localhost:5000/bench/" + name,
    )
    for name, image in [
        ("far", ":far"),
        ("image", "//:image"),
    ]
]

oci_push(
    name = "push_crowd",
    images = {
        "localhost:5000/bench/crowd:{}".format(index): ":own_{}".format(index)
        for index in range(CROWD)
    },
)
"#;

/// Writes the package, unless its files are there.
pub(crate) fn write(workspace: &Path) -> Result<()> {
    let folder = workspace.join(PACKAGE);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("failed to create `{}`", folder.display()))?;
    let counts =
        format!("\nFAR = {FAR_LAYERS}\n\nSHARED = {SHARED_LAYERS}\n\nCROWD = {CROWD}\n\n[");
    write_file(
        &folder.join("BUILD.bazel"),
        &BUILD.replacen("\n[", &counts, 1),
    )?;
    let marker = folder.join(".complete");
    if marker.exists() {
        return Ok(());
    }
    for (name, size, count) in [
        ("far", FAR_LAYER, FAR_LAYERS),
        ("shared", SHARED_LAYER, SHARED_LAYERS),
        ("own", OWN_LAYER, CROWD),
    ] {
        write_files(&folder.join(name), &vec![size; count], 1)?;
    }
    write_file(&marker, "")
}
