//! The values that placeholders stand for.

use std::path::PathBuf;

use clap::Args;

use stevedore_image::status::Status;
use stevedore_image::Error;

/// The workspace status, in a build that is stamped.
#[derive(Args)]
pub(super) struct Stamping {
    /// The stable part of the workspace status.
    #[arg(long, value_name = "FILE")]
    stable_status: Option<PathBuf>,
    /// The volatile part of the workspace status.
    #[arg(long, value_name = "FILE")]
    volatile_status: Option<PathBuf>,
}

impl Stamping {
    /// Reads the status; there is none in a build that is not stamped.
    pub(super) fn status(&self) -> Result<Status, Error> {
        [&self.stable_status, &self.volatile_status]
            .into_iter()
            .flatten()
            .try_fold(Status::default(), |status, path| status.load(path))
    }
}
