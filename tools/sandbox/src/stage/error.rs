//! What can go wrong in a stage.

use std::io;
use std::path::{Path, PathBuf};

use stevedore_agent::Verdict;
use stevedore_image::digest::Digest;

/// A sandbox that cannot be, or has broken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("failed to {action} `{}`", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("failed to read what the sandbox is to do")]
    Input(#[source] io::Error),
    #[error("what the sandbox is to do is malformed")]
    Request(#[source] serde_json::Error),
    #[error("the sandbox is not wanted any more")]
    Unwanted,
    #[error(
        "failed to enter new namespaces: a sandbox needs the right to mount, which containers often lack, and users of Ubuntu, see the \
         sysctl `kernel.apparmor_restrict_unprivileged_userns`; or use `engine = \"daemon\"`"
    )]
    Namespace(#[source] io::Error),
    #[error("failed to unpack a layer")]
    Layer(#[source] stevedore_image::Error),
    #[error("failed to unpack `{}` of the layer `{}`", String::from_utf8_lossy(member), path.display())]
    Member {
        path: PathBuf,
        member: Vec<u8>,
        source: io::Error,
    },
    #[error("the layer `{}` has the digest `{found}`, not `{expected}`: was it changed since it was built?", path.display())]
    WrongDigest {
        path: PathBuf,
        expected: Digest,
        found: Digest,
    },
    #[error("failed to mount an overlay in `{}`, which must be on a file system that can be below one: set `STEVEDORE_CACHE` to \
         another folder, or use `engine = \"daemon\"`", path.display())]
    Overlay { path: PathBuf, source: io::Error },
    #[error("`{target}` collides with a file of the base image: mount it at a path that the image does not have")]
    Collides { target: String },
    #[error("`{target}` is below symbolic links that lead in a circle in the base image")]
    Circle { target: String },
    #[error("no OCI runtime is on this machine: install `runc` or `crun`, name one by `STEVEDORE_RUNTIME`, or use \
         `engine = \"daemon\"`; searched {searched}")]
    NoRuntime { searched: String },
    #[error("failed to start the OCI runtime `{}`", path.display())]
    StartRuntime { path: PathBuf, source: io::Error },
    #[error("the OCI runtime `{}` ended with {status} and no verdict: {log}{hint}", path.display())]
    Runtime {
        path: PathBuf,
        status: String,
        log: String,
        hint: &'static str,
    },
    #[error("failed to talk to the agent in the sandbox")]
    Agent(#[source] io::Error),
    #[error("failed to hand on what the sandbox says")]
    Output(#[source] io::Error),
    #[error("failed to collect what the commands changed")]
    Changes(#[source] stevedore_rootfs::Error),
}

impl Error {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// The same for who has asked for the sandbox, with its causes.
    pub(super) fn into_verdict(self) -> Verdict {
        let mut reason = self.to_string();
        let mut cause = std::error::Error::source(&self);
        while let Some(error) = cause {
            reason.push_str(": ");
            reason.push_str(&error.to_string());
            cause = error.source();
        }
        Verdict::Refused { reason }
    }
}
