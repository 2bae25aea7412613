//! A registry that Debian does not have, built from its source with Debian's Go.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use nix::fcntl::{Flock, FlockArg};

use crate::command::run;
use crate::workspace::Workspace;

/// What is built, and where it comes from.
const MODULE: &str = "github.com/distribution/distribution/v3/cmd/registry";
const VERSION: &str = "v3.1.2";

/// The distribution registry 3; built once.
pub(super) fn distribution(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.cache_folder("registries")?;
    let program = folder.join(format!("distribution-{VERSION}"));
    if program.exists() {
        return Ok(program);
    }
    let lock = File::create(folder.join("lock")).context("failed to create a lock")?;
    let _lock = Flock::lock(lock, FlockArg::LockExclusive)
        .map_err(|(_, error)| error)
        .context("failed to wait for another build of the registry")?;
    if !program.exists() {
        eprintln!("building {MODULE} {VERSION}: about 2 minutes");
        let work = folder.join("work");
        remove(&work)?;
        install(&work)?;
        fs::rename(work.join("bin/registry"), &program)
            .with_context(|| format!("failed to write `{}`", program.display()))?;
        // The modules and what was compiled: 1 GB that nothing needs any more.
        remove(&work)?;
    }
    Ok(program)
}

/// Go downloads by the proxy that the machine's variables name.
fn install(work: &Path) -> Result<()> {
    run(Command::new("go")
        .args(["install", "-mod=mod", "-modcacherw"])
        .arg(format!("{MODULE}@{VERSION}"))
        .env_remove("GOFLAGS")
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        .env("GOPATH", work.join("path"))
        .env("GOBIN", work.join("bin"))
        .env("GOCACHE", work.join("cache")))
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("failed to remove `{}`", folder.display()))?;
    }
    Ok(())
}
