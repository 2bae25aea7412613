//! What a sandbox is to be.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use stevedore_image::digest::Digest;

/// A sandbox: what is in it, and what it may use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The layers of the image, the lowest first.
    pub layers: Vec<LayerFile>,
    /// The program that runs in it as its first process, absolute; a static one, since the image may have no libraries.
    pub agent: PathBuf,
    /// What is mounted, beside the root.
    pub mounts: Vec<Mount>,
    /// What it can reach.
    pub network: Network,
    /// The most memory that it gets, in bytes.
    pub memory: Option<u64>,
    /// The most processors' time that it gets: `1.5` is one and a half.
    pub cpus: Option<f64>,
    /// Where layers are kept unpacked, and where the sandbox works.
    pub cache: PathBuf,
}

/// The file with a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerFile {
    /// The digest of the uncompressed tar.
    pub diff_id: Digest,
    /// The tar, plain or compressed, absolute.
    pub path: PathBuf,
}

/// Something that is mounted in the sandbox. Every `target` is an absolute path in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Mount {
    /// Files of this machine, read-only.
    Input {
        /// Where they are seen.
        target: String,
        /// The files; a single one without a path is at the target itself.
        entries: Vec<InputEntry>,
    },
    /// A directory that is kept for the next run.
    Cache {
        /// Where it is seen.
        target: String,
        /// What tells it from others: any text.
        name: String,
    },
    /// An empty directory in memory.
    Tmpfs {
        /// Where it is seen.
        target: String,
        /// The most that it holds, in bytes.
        size: Option<u64>,
    },
}

/// A file or directory of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputEntry {
    /// Where it is below the target; empty for the target itself.
    pub path: String,
    /// What it is, absolute.
    pub source: PathBuf,
}

/// What a sandbox can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Itself.
    None,
    /// What this machine reaches.
    Host,
}
