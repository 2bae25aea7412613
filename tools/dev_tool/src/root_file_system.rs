//! Debian root file systems, as the tars that layers are made of. Made once, and kept.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::run;
use crate::workspace::Workspace;

/// The release, whose packages are final.
const SUITE: &str = "bookworm";

/// Where Debian's packages are, unless `STEVEDORE_DEV_MIRROR` names another place.
const MIRROR: &str = "http://deb.debian.org/debian";

/// What no container has from its image.
const LEFT_OUT: [&str; 6] = [
    "./dev/*",
    "./proc/*",
    "./sys/*",
    "./usr/*",
    "./var/cache/apt/*",
    "./var/lib/apt/lists/*",
];

/// The tars of one architecture, as Debian names it (`arm64`), the bottom layer first: `/usr`, and the rest. That of another
/// processor is unpacked, and its packages are not set up.
pub(crate) fn tars(workspace: &Workspace, architecture: &str) -> Result<[PathBuf; 2]> {
    let folder = workspace.cache_folder("root-file-systems")?;
    let tars =
        ["usr", "rest"].map(|part| folder.join(format!("{SUITE}-{architecture}-{part}.tar")));
    if tars.iter().all(|tar| tar.exists()) {
        return Ok(tars);
    }
    let tree = folder.join(format!("{architecture}.tree"));
    remove(&tree)?;
    debootstrap(architecture, &tree)?;
    let left_out = LEFT_OUT.map(|pattern| format!("--exclude={pattern}"));
    for (tar, arguments) in tars.iter().zip([
        vec!["./usr"],
        left_out.iter().map(String::as_str).chain(["."]).collect(),
    ]) {
        write_tar(&tree, tar, &arguments)?;
    }
    remove(&tree)?;
    Ok(tars)
}

fn debootstrap(architecture: &str, tree: &Path) -> Result<()> {
    let mut command = Command::new("debootstrap");
    command.args(["--variant=minbase", &format!("--arch={architecture}")]);
    if architecture != own_architecture() {
        command.arg("--foreign");
    }
    let mirror = std::env::var("STEVEDORE_DEV_MIRROR").unwrap_or_else(|_| MIRROR.to_owned());
    run(command.arg(SUITE).arg(tree).arg(mirror))
}

/// This machine's, as Debian and images name it.
pub(crate) fn own_architecture() -> &'static str {
    match ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    }
}

fn write_tar(tree: &Path, tar: &Path, arguments: &[&str]) -> Result<()> {
    let new = tar.with_extension("new");
    run(Command::new("tar")
        .args(["--create", "--format=gnu", "--sort=name", "--numeric-owner"])
        .arg("--file")
        .arg(&new)
        .arg("--directory")
        .arg(tree)
        .arg("--anchored")
        .args(arguments))?;
    fs::rename(&new, tar).with_context(|| format!("failed to rename `{}`", new.display()))
}

fn remove(tree: &Path) -> Result<()> {
    match fs::remove_dir_all(tree) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove `{}`", tree.display()))
        }
        _ => Ok(()),
    }
}
