//! A temporary folder that goes away also when the process is interrupted.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::sys::statvfs::statvfs;

use crate::cleanup::Cleanup;
use crate::workspace::Workspace;

/// A file system in memory.
const MEMORY: &str = "/dev/shm";

/// A folder with a new name; removed, with all that is in it, when dropped.
pub(crate) struct Scratch {
    path: PathBuf,
    _remove: Cleanup,
}

impl Scratch {
    /// Makes one where temporary files go.
    pub(crate) fn new() -> Result<Self> {
        Self::made(tempfile::tempdir())
    }

    /// Makes one in the cache folder: what Bazel's sandbox is to show must not be where temporary files go.
    pub(crate) fn in_cache(workspace: &Workspace) -> Result<Self> {
        Self::made(tempfile::tempdir_in(workspace.cache_folder("scratch")?))
    }

    /// Makes one in memory, for what would otherwise measure the disk; where temporary files go if less than `bytes` would
    /// fit, and says so.
    pub(crate) fn in_memory(bytes: u64) -> Result<Self> {
        let free = statvfs(MEMORY)
            .map(|found| found.blocks_available() * found.fragment_size())
            .unwrap_or_default();
        if free >= bytes {
            return Self::made(tempfile::tempdir_in(MEMORY));
        }
        eprintln!("warning: `{MEMORY}` has only {free} bytes left: the disk is measured too");
        Self::new()
    }

    fn made(folder: std::io::Result<tempfile::TempDir>) -> Result<Self> {
        let folder = folder.context("failed to create a temporary folder")?;
        let path = folder.path().to_owned();
        Ok(Self {
            path,
            _remove: Cleanup::new(move || {
                let path = folder.path().to_owned();
                folder
                    .close()
                    .with_context(|| format!("failed to remove `{}`", path.display()))
            }),
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it; the file need not exist.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_away_with_its_files() -> Result<()> {
        let scratch = Scratch::new()?;
        let file = scratch.file("file");
        std::fs::write(&file, "")?;
        let path = scratch.path().to_owned();
        drop(scratch);
        assert!(!path.exists());
        Ok(())
    }
}
