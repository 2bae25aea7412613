//! An image of 1 GiB in twelve layers, and what is made of it.

use std::path::PathBuf;

use anyhow::Result;

use crate::bench::subject::{module, write_file, write_files, BIG, BIG_SIZES};
use crate::workspace::Workspace;

/// Layers of the image.
pub(super) const PARTS: u64 = 12;

/// The name that a load gives to it.
pub(super) const IMAGE: &str = "bench/parts:latest";

/// The archive that is imported, in the workspace.
pub(super) const ARCHIVE: &str = "archive.tar";

const BUILD: &str = r#""""Written by dev/bench."""

load("@rules_stevedore//oci:defs.bzl", "oci_flatten", "oci_image", "oci_import", "oci_incremental_load", "oci_layer")

[
    filegroup(
        name = "files_{}".format(part),
        srcs = glob(["part_{}/**".format(part)]),
    )
    for part in range(PARTS)
]

[
    oci_layer(
        name = "layer_{}".format(part),
        srcs = {"/srv/{}/".format(part): ":files_{}".format(part)},
    )
    for part in range(PARTS)
]

oci_image(
    name = "parts",
    cmd = ["/srv/0/000/0"],
    layers = [":layer_{}".format(part) for part in range(PARTS)],
)

oci_incremental_load(
    name = "load_parts",
    image = ":parts",
    repo_tags = ["bench/parts:latest"],
)

oci_flatten(
    name = "flat",
    image = ":parts",
)

oci_import(
    name = "imported",
    archive = "archive.tar",
)
"#;

/// Writes the workspace, unless it is there, and returns its folder.
pub(super) fn write(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.cache_folder("bench/bases")?;
    write_file(&folder.join("MODULE.bazel"), &module(workspace))?;
    let build = BUILD.replace("PARTS", &PARTS.to_string());
    write_file(&folder.join("BUILD.bazel"), &build)?;
    let marker = folder.join(".complete");
    if marker.exists() {
        return Ok(folder);
    }
    let sizes: Vec<_> = BIG_SIZES.iter().map(|size| size * 1024).collect();
    let cycles = BIG / sizes.iter().sum::<u64>();
    for part in 0..PARTS {
        // Some have one more, so that the sum is exact.
        let repeat = cycles / PARTS + u64::from(part < cycles % PARTS);
        write_files(&folder.join(format!("part_{part}")), &sizes, repeat)?;
    }
    write_file(&marker, "")?;
    Ok(folder)
}
