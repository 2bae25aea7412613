//! The files in which a test tells Bazel more than its exit code.
//!
//! See <https://bazel.build/reference/test-encyclopedia>. Outside of a test nobody has named them.

use std::env;
use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::Context as _;
use stevedore_image_check::{write_junit, Case};

/// Writes what came of `cases`, which are of the target `label`.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn write_xml(label: &str, cases: &[Case]) -> anyhow::Result<()> {
    let Some(path) = path("XML_OUTPUT_FILE") else {
        return Ok(());
    };
    fs::write(&path, write_junit(label, cases))
        .with_context(|| format!("failed to write `{}`", path.display()))
}

/// Says that shards are understood: a test with shards that does not fails.
///
/// # Errors
/// If the file cannot be made.
pub(crate) fn acknowledge_shards() -> anyhow::Result<()> {
    let Some(path) = path("TEST_SHARD_STATUS_FILE") else {
        return Ok(());
    };
    File::create(&path)
        .map(drop)
        .with_context(|| format!("failed to touch `{}`", path.display()))
}

fn path(variable: &str) -> Option<PathBuf> {
    let value = env::var_os(variable).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}
