//! Secrets: the commands have them, and nothing else has.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, ensure, Context, Result};

use super::stand::Stand;
use crate::command::{finish, output};

const TARGET: &str = "//cases:secret";

/// The commands see both secrets, and print them.
pub(super) fn are_seen_and_masked(stand: &Stand<'_>) -> Result<()> {
    let said = stand.build(&["--output_groups=tar,blob,default", TARGET])?;
    ensure!(
        !said.contains(stand.token()),
        "Bazel shows the secret:\n{said}"
    );
    let actions = stand.actions("RunAndCommit", TARGET)?;
    ensure!(
        !actions.contains(stand.token()),
        "the secret is in the action's key:\n{actions}"
    );
    let layer = &stand.files(TARGET, "tar")?[0];
    for file in ["token.sha256", "file.sha256", "mode"] {
        ensure!(!extracted(layer, file)?.is_empty(), "`{file}` is empty");
    }
    let mode = extracted(layer, "mode")?;
    ensure!(mode.trim() == "400", "the secret's mode is {mode}");
    Ok(())
}

/// Nothing that Bazel or the tool has written has it, but the file that is for it alone.
pub(super) fn are_nowhere(stand: &Stand<'_>) -> Result<()> {
    let mut search = Command::new("grep");
    search
        .args(["--recursive", "--files-with-matches", "--text"])
        .args(["--fixed-strings", "--regexp", stand.token()])
        .args(written(stand)?);
    let found = finish(&mut search)?;
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    match &found.lines().collect::<Vec<_>>()[..] {
        // The repository's canonical name ends with its own.
        [file] if file.ends_with("stevedore_machine/secrets/APP_TOKEN") => private(Path::new(file)),
        found => bail!("the secret is in {found:?}, expected one file"),
    }
}

/// What Bazel and actions have written, but for the repositories of other modules.
fn written(stand: &Stand<'_>) -> Result<Vec<PathBuf>> {
    let base = stand.bazel.output_base();
    let mut places = ["action_cache", "server", "command.log"]
        .map(|name| base.join(name))
        .to_vec();
    places.push(stand.bazel.execution_root().join("bazel-out"));
    let external = base.join("external");
    let failed = || format!("failed to list `{}`", external.display());
    for entry in fs::read_dir(&external).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        // Beside each repository is a file in which Bazel notes what it watches.
        if path.is_file() || path.to_string_lossy().ends_with("stevedore_machine") {
            places.push(path);
        }
    }
    Ok(places)
}

/// Only the user can read it.
fn private(file: &Path) -> Result<()> {
    let folder = file.parent().context("a file without a folder")?;
    for (path, expected) in [(file, 0o600), (folder, 0o700)] {
        let mode = fs::metadata(path)?.mode() & 0o7777;
        ensure!(
            mode == expected,
            "`{}` has the mode {mode:o}, expected {expected:o}",
            path.display()
        );
    }
    Ok(())
}

/// Another value alone runs nothing again.
pub(super) fn are_in_no_key(stand: &mut Stand<'_>) -> Result<()> {
    stand.build(&[TARGET])?;
    stand.change_token()?;
    let ran = stand.runs(&[TARGET])?;
    ensure!(ran.is_empty(), "another secret ran {ran:?}");
    Ok(())
}

fn extracted(tar: &Path, name: &str) -> Result<String> {
    let mut command = Command::new("tar");
    command.args(["--extract", "--to-stdout", "--file"]);
    output(command.arg(tar).arg(name))
}
