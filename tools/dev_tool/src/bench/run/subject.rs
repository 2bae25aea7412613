//! The base: a minimal Debian and 1 GiB of files, built by Bazel.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::bench::subject::{self, module, write_file};
use crate::root_file_system::{own_architecture, tars};
use crate::workspace::Workspace;

/// Its name in engines.
pub(super) const BASE: &str = "localhost/bench/system:latest";

const BUILD: &str = r#""""Written by dev/bench."""

load("@rules_stevedore//oci:defs.bzl", "oci_image", "oci_incremental_load", "oci_layer")

filegroup(
    name = "big_files",
    srcs = glob(["big/**"]),
)

oci_layer(
    name = "big",
    srcs = {"/srv/": ":big_files"},
)

oci_image(
    name = "base",
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
    layers = [
        "usr.tar",
        "rest.tar",
        ":big",
    ],
)

oci_incremental_load(
    name = "load_base",
    image = ":base",
    repo_tags = ["localhost/bench/system:latest"],
)
"#;

/// Writes the workspace, and returns its folder.
pub(super) fn write(workspace: &Workspace) -> Result<PathBuf> {
    let big = subject::write(workspace)?.join("big");
    let folder = workspace.cache_folder("bench/run")?;
    write_file(&folder.join("MODULE.bazel"), &module(workspace))?;
    write_file(&folder.join("BUILD.bazel"), BUILD)?;
    let [usr, rest] = tars(workspace, own_architecture())?;
    for (name, file) in [("big", big), ("usr.tar", usr), ("rest.tar", rest)] {
        link(&file, &folder.join(name))?;
    }
    Ok(folder)
}

fn link(target: &Path, path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    symlink(target, path).with_context(|| format!("failed to make the link `{}`", path.display()))
}
