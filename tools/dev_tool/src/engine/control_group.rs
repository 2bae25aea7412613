//! The control groups that an engine makes for its containers: taken away again when it stops.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::process::Process;

/// Where control groups are mounted: the one hierarchy of version 2, or one folder a hierarchy.
const CONTROL_GROUPS: &str = "/sys/fs/cgroup";

/// Removes the control group `name` from every hierarchy, and ends the processes that are still in it.
pub(crate) fn remove(name: &str) -> Result<()> {
    let root = Path::new(CONTROL_GROUPS);
    remove_one(&root.join(name))?;
    for hierarchy in folders(root)? {
        remove_one(&hierarchy.join(name))?;
    }
    Ok(())
}

fn remove_one(group: &Path) -> Result<()> {
    for child in folders(group)? {
        remove_one(&child)?;
    }
    end_processes(group)?;
    match fs::remove_dir(group) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove `{}`", group.display()))
        }
        _ => Ok(()),
    }
}

/// Ends the containers of a daemon that was killed before it could stop them.
fn end_processes(group: &Path) -> Result<()> {
    let file = group.join("cgroup.procs");
    let Ok(ids) = fs::read_to_string(&file) else {
        return Ok(());
    };
    for process in ids.lines().filter_map(|id| Process::find(id.parse().ok()?)) {
        process.end(Duration::from_millis(100))?;
    }
    Ok(())
}

/// The folders in `parent`; none if it is not there.
fn folders(parent: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(parent) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("failed to list `{}`", parent.display()))
        }
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("failed to list `{}`", parent.display()))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_group_that_is_not_there_is_no_error() -> Result<()> {
        remove("stevedore-no-such-group")
    }
}
