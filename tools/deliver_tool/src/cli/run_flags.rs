//! The flags of the verb `run`.

use std::path::PathBuf;

use clap::Args;

use super::RegistryFlags;

/// The flags of the verb `run`.
#[derive(Args, Debug)]
pub(crate) struct RunFlags {
    /// The file that the rules have written: what is run, and what becomes of it.
    #[arg(long, value_name = "FILE")]
    pub(crate) spec: PathBuf,
    /// `stevedore-agent`, the program that is put into the container.
    #[arg(long, value_name = "FILE")]
    pub(crate) agent: PathBuf,
    /// A file with environment variables that are used where this process does not have them: a JSON object of strings. If it is
    /// not there, there are none. Secrets that are environment variables are in files below `secrets` beside it.
    #[arg(long, value_name = "FILE")]
    pub(crate) surroundings: Option<PathBuf>,
    /// Where the engine is: `unix:///run/docker.sock`, `tcp://host:2376`, `ssh://host` [default: where it usually is]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<String>,
    /// Where the layer's uncompressed tar is put, if one is made.
    #[arg(long, value_name = "FILE", requires = "description")]
    pub(crate) tar: Option<PathBuf>,
    /// Where the layer's description is put: JSON with `diff_id` and `size`.
    #[arg(long, value_name = "FILE", requires = "tar")]
    pub(crate) description: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) registries: RegistryFlags,
}
