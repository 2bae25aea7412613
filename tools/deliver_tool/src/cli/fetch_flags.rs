//! The flags of the verb `fetch`.

use std::path::PathBuf;

use clap::Args;
use stevedore_image::digest::Digest;
use stevedore_image::repository::Repository;

use super::RegistryFlags;

/// The flags of the verb `fetch`.
#[derive(Args, Debug)]
pub(crate) struct FetchFlags {
    /// The target that wants the blob, for messages.
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: String,
    /// The digest of the blob.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) digest: Digest,
    /// The number of its bytes.
    #[arg(long, value_name = "BYTES")]
    pub(crate) size: u64,
    /// What it is.
    #[arg(long, value_name = "TYPE")]
    pub(crate) media_type: String,
    /// The repository that has it.
    #[arg(long, value_name = "REPOSITORY")]
    pub(crate) repository: Repository,
    /// Where it is looked for first, such as `mirror.example.com/hub`; may be repeated.
    #[arg(long, value_name = "HOST[/PREFIX]")]
    pub(crate) from: Vec<String>,
    /// A file with environment variables that are used where this process does not have them: a JSON object of strings. If it is
    /// not there, there are none.
    #[arg(long, value_name = "FILE")]
    pub(crate) surroundings: Option<PathBuf>,
    /// Where the blob is put.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) registries: RegistryFlags,
}
