//! Looking into a daemon's store, past the daemon.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

/// The paths of what is in `folder`; none if it is not there.
pub(crate) fn entries(folder: &Path) -> Result<Vec<String>> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("failed to list `{}`", folder.display()))
        }
    };
    let mut found = Vec::new();
    for entry in listing {
        let entry = entry.with_context(|| format!("failed to list `{}`", folder.display()))?;
        found.push(entry.path().display().to_string());
    }
    found.sort();
    Ok(found)
}
