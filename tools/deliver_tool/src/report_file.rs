//! Writing the report.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

/// Writes `report` to `path`, whole or not at all.
fn write(path: &Path, report: &impl Serialize) -> anyhow::Result<()> {
    let context = || format!("failed to write the report `{}`", path.display());
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut text = serde_json::to_vec(report).with_context(context)?;
    text.push(b'\n');
    let mut file = tempfile::Builder::new()
        .prefix(".stevedore-report-")
        .tempfile_in(directory)
        .with_context(context)?;
    file.write_all(&text).with_context(context)?;
    make_readable(file.as_file()).with_context(context)?;
    file.persist(path).with_context(context)?;
    Ok(())
}

/// Writes the report if there is a place for it. If the delivery has failed, that is the error to be told.
pub(crate) fn write_if_wanted(
    path: Option<&Path>,
    report: &impl Serialize,
    is_success: bool,
) -> anyhow::Result<()> {
    match path.map_or(Ok(()), |path| write(path, report)) {
        Err(error) if !is_success => {
            eprintln!("warning: {error:#}");
            Ok(())
        }
        written => written,
    }
}

/// A temporary file is its owner's alone; a report is for whoever may read the directory.
fn make_readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}
