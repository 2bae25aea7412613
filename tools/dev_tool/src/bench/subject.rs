//! The image that is measured: 1 GiB in about 4,000 files below, 10 MB on top, built by Bazel as a user would.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// Bytes of the lower layer's files.
pub(crate) const BIG: u64 = 1 << 30;

/// Bytes of the upper layer's files.
pub(crate) const TOP: u64 = 10_000_000;

/// File sizes of the lower layer in KiB, repeated: mostly small files, most bytes in large ones, as in a root file system.
pub(crate) const BIG_SIZES: [u64; 8] = [4, 12, 48, 128, 256, 300, 500, 800];

/// How many files the upper layer has.
const TOP_FILES: u64 = 20;

const BUILD: &str = r#""""Written by dev/bench."""

load("@rules_stevedore//oci:defs.bzl", "oci_image", "oci_incremental_load", "oci_layer")

package(default_visibility = ["//:__subpackages__"])

filegroup(
    name = "big_files",
    srcs = glob(["big/**"]),
)

filegroup(
    name = "top_files",
    srcs = glob(["top/**"]),
)

oci_layer(
    name = "big",
    srcs = {"/srv/": ":big_files"},
)

oci_layer(
    name = "top",
    srcs = {"/app/": ":top_files"},
)

oci_image(
    name = "base",
    layers = [":big"],
)

oci_image(
    name = "image",
    base = ":base",
    cmd = ["/app/server"],
    layers = [":top"],
)

oci_image(
    name = "other_config",
    base = ":base",
    cmd = ["/app/other"],
    layers = [":top"],
)

oci_image(
    name = "only_top",
    cmd = ["/app/server"],
    layers = [":top"],
)

[
    oci_incremental_load(
        name = "load_" + image,
        image = ":" + image,
        repo_tags = ["bench/{}:latest".format(image)],
    )
    for image in [
        "base",
        "image",
        "only_top",
        "other_config",
    ]
]
"#;

/// Writes the workspace, unless it is there, and returns its folder.
pub(crate) fn write(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.cache_folder("bench/load")?;
    write_file(&folder.join("MODULE.bazel"), &module(workspace))?;
    write_file(&folder.join("BUILD.bazel"), BUILD)?;
    let marker = folder.join(".complete");
    if marker.exists() {
        return Ok(folder);
    }
    let big: Vec<_> = BIG_SIZES.iter().map(|size| size * 1024).collect();
    let cycle: u64 = big.iter().sum();
    write_files(&folder.join("big"), &big, BIG / cycle)?;
    write_files(&folder.join("top"), &[TOP / TOP_FILES], TOP_FILES)?;
    write_file(&marker, "")?;
    Ok(folder)
}

/// The workspace's MODULE.bazel.
pub(crate) fn module(workspace: &Workspace) -> String {
    let root = serde_json::Value::from(workspace.root().to_string_lossy());
    format!(
        r#""""Written by dev/bench."""

module(name = "bench")

bazel_dep(name = "rules_stevedore", version = "0.1.0")
local_path_override(
    module_name = "rules_stevedore",
    path = {root},
)
"#
    )
}

/// Writes files of these sizes, `repeat` times over.
pub(crate) fn write_files(folder: &Path, sizes: &[u64], repeat: u64) -> Result<()> {
    let mut content = Content::new();
    for cycle in 0..repeat {
        for (index, size) in sizes.iter().enumerate() {
            let path = folder.join(format!("{:03}/{index}", cycle));
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent)
                .with_context(|| format!("failed to create `{}`", parent.display()))?;
            let file = File::create(&path)
                .with_context(|| format!("failed to create `{}`", path.display()))?;
            content
                .write(BufWriter::new(file), *size)
                .with_context(|| format!("failed to write `{}`", path.display()))?;
        }
    }
    Ok(())
}

pub(crate) fn write_file(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("failed to write `{}`", path.display()))
}

/// Bytes that compress to about 70 %, as a root file system with its packed archives does; the same on every machine.
struct Content {
    state: u64,
}

impl Content {
    fn new() -> Self {
        Self { state: 1 }
    }

    /// SplitMix64 (https://prng.di.unimi.it/splitmix64.c).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Writes `size` bytes: stretches of 4 KiB, random ones and ones of few letters in turn.
    fn write(&mut self, mut file: impl Write, size: u64) -> std::io::Result<()> {
        let mut written = 0;
        while written < size {
            let random = self.next() % 5 < 3;
            let mut stretch = Vec::with_capacity(4096);
            while stretch.len() < 4096 {
                let word = self.next();
                match random {
                    true => stretch.extend_from_slice(&word.to_le_bytes()),
                    false => stretch.extend_from_slice(WORDS[(word % 16) as usize].as_bytes()),
                }
            }
            let length = (size - written).min(4096);
            file.write_all(&stretch[..length as usize])?;
            written += length;
        }
        file.flush()
    }
}

const WORDS: [&str; 16] = [
    "alpha ",
    "bravo ",
    "charlie ",
    "delta\n",
    "echo ",
    "foxtrot ",
    "golf ",
    "hotel\n",
    "india ",
    "juliett ",
    "kilo ",
    "lima\n",
    "mike ",
    "november ",
    "oscar ",
    "papa\n",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_add_up() {
        let cycle = BIG_SIZES.iter().sum::<u64>() * 1024;
        assert_eq!(BIG % cycle, 0);
        assert_eq!(TOP % TOP_FILES, 0);
    }

    #[test]
    fn content_is_the_same_every_time() -> std::io::Result<()> {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        Content::new().write(&mut one, 10_000)?;
        Content::new().write(&mut other, 10_000)?;
        assert_eq!(one.len(), 10_000);
        assert_eq!(one, other);
        Ok(())
    }
}
