//! Where a report goes.

use std::path::PathBuf;

use clap::Args;

use super::in_callers_directory;

/// The flag `--report`.
#[derive(Args, Debug)]
pub(crate) struct ReportFlag {
    /// Write a JSON report to this file, also on failure.
    #[arg(long, value_name = "FILE", env = "STEVEDORE_REPORT")]
    report: Option<PathBuf>,
}

impl ReportFlag {
    /// The file; a relative path starts where the user was.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        let report = self.report.clone();
        report
            .filter(|path| !path.as_os_str().is_empty())
            .map(in_callers_directory)
    }
}
