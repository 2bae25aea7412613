//! A test that is not run, and says so.

use std::env;
use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::Context as _;

use stevedore_image_check::{write_junit, Case};

/// Says why the test `label` is skipped: to a person, and to Bazel, which knows nothing but passed and failed.
pub(super) fn tell(label: &str, reason: &anyhow::Error) -> anyhow::Result<()> {
    let reason = format!("{reason:#}");
    eprintln!("skipped `{label}`: {reason}");
    if let Some(path) = variable("XML_OUTPUT_FILE") {
        let case = Case::skipped(label.to_owned(), reason);
        fs::write(&path, write_junit(label, &[case]))
            .with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    // A test with shards that does not touch this file fails.
    if let Some(path) = variable("TEST_SHARD_STATUS_FILE") {
        File::create(&path).with_context(|| format!("failed to touch `{}`", path.display()))?;
    }
    Ok(())
}

fn variable(name: &str) -> Option<PathBuf> {
    let value = env::var_os(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}
