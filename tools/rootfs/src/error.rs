//! What can go wrong with a root file system.

use std::io;
use std::path::{Path, PathBuf};

/// Everything that this library refuses or fails at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "the messages tell what the fields are; each variant has its own documentation"
)]
pub enum Error {
    /// A file could not be looked at or read.
    #[error("failed to {action} `{}`", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// The layer could not be handed on.
    #[error("failed to write the layer")]
    Write(#[source] io::Error),
    /// A file became shorter while it was read.
    #[error("`{}` has {found} bytes, {expected} a moment ago: nothing may write to it any more", path.display())]
    Shrunk {
        path: PathBuf,
        expected: u64,
        found: u64,
    },
    /// A file has a name that means a removed file in a layer.
    #[error("`{}` cannot be in a layer, where a name that begins with `.wh.` says that a file is gone: give it another name", path.display())]
    ReservedName { path: PathBuf },
    /// A path that was asked for is not there.
    #[error("`{}` is not there: let the commands make it", path.display())]
    Missing { path: PathBuf },
    /// The kernel's list of mounts is not what it should be.
    #[error("`/proc/self/mountinfo` has a line without a mount point: `{line}`")]
    Mountinfo { line: String },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
