//! Bazel's own cache of results: a test runs again when its image has changed, and only then.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{ensure, Result};

use super::stand::Stand;
use crate::e2e::report::Report;
use crate::edited_file::EditedFile;

const TARGET: &str = "//cases:probe";

/// Each has images that no earlier run can have left a result of.
pub(super) fn cases(report: &mut Report, stand: &Stand<'_>) {
    let mut report = report.of_engine(stand.engine.name());
    report.case("a result is kept until a layer changes", || {
        let layer = changed_layer(stand, "first")?;
        is_kept(stand, &[], false)?;
        is_kept(stand, &[], true)?;
        layer.set_appended(&unique("second")?)?;
        is_kept(stand, &[], false)?;
        is_kept(stand, &[], true)
    });
    report.case("and from one login to the next", || {
        let _layer = changed_layer(stand, "third")?;
        is_kept(stand, &login(1), false)?;
        is_kept(stand, &login(2), true)
    });
}

/// What differs from one login, or user, to another.
fn login(number: u8) -> [(&'static str, String); 2] {
    [
        ("SSH_AUTH_SOCK", format!("/tmp/ssh-{number}/agent.{number}")),
        ("XDG_RUNTIME_DIR", format!("/run/user/{number}")),
    ]
}

fn changed_layer(stand: &Stand<'_>, text: &str) -> Result<EditedFile> {
    let file = stand.bazel.folder().join("greeting.txt");
    EditedFile::append(&file, &unique(text)?)
}

fn unique(text: &str) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    Ok(format!("{text} {now}\n"))
}

/// An error unless the test passes, and Bazel says whether that is an earlier result.
fn is_kept(stand: &Stand<'_>, variables: &[(&str, String)], expected: bool) -> Result<()> {
    let mut command = stand.command("test", &[TARGET]);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let summary = Stand::summary(TARGET, command)?;
    let is_kept = summary.starts_with("(cached) PASSED");
    ensure!(
        is_kept == expected && summary.contains("PASSED"),
        "Bazel says `{summary}`, expected an earlier result: {expected}"
    );
    Ok(())
}
