//! How registries are talked to.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use stevedore_wire::Traffic;

use crate::credentials::Sources;
use crate::endpoint::Mirror;

/// What holds for all registries of one delivery.
pub struct Options {
    /// Where credentials come from.
    pub credentials: Sources,
    /// Whether plain HTTP, and certificates that nobody vouches for, are taken also from hosts other than this one.
    pub insecure: bool,
    /// Folders with certificates: `*.crt` of authorities, `NAME.cert` and `NAME.key` of this client. They hold for every
    /// registry; those of the machine, which are a registry's own, come on top.
    pub certificates: Vec<PathBuf>,
    /// Folders that have a folder `HOST[:PORT]` with certificates, as Docker and podman have them.
    pub certificate_roots: Vec<PathBuf>,
    /// Where requests go instead.
    pub mirrors: Vec<Mirror>,
    /// How long a failed request is tried again, from its first failure on.
    pub patience: Duration,
    /// How long a registry may take to answer, and how long it may take nothing of a body.
    pub answer_patience: Duration,
    /// What is sent is counted there.
    pub traffic: Traffic,
    /// Is told what a person may want to know.
    pub notify: Arc<dyn Fn(Notice) + Send + Sync>,
}

/// Something that a person may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// Something failed, and is tried again.
    Retrying {
        /// What failed, and why.
        reason: String,
        /// After how long.
        after: Duration,
    },
    /// An upload goes on where it broke.
    Resuming {
        /// The first byte that is sent again.
        offset: u64,
        /// The blob's size in bytes.
        size: u64,
    },
    /// A blob is fetched from where that broke off.
    ResumingDownload {
        /// The first byte that is fetched.
        offset: u64,
        /// The blob's size in bytes.
        size: u64,
    },
    /// More is sent than was thought.
    FellBack {
        /// Why.
        reason: String,
    },
    /// What is used, for those who want to know more.
    Detail {
        /// Words.
        text: String,
    },
}
