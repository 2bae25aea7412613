//! What an engine mounts, and the control groups that it makes: taken away again when it stops.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{mount, umount2, MntFlags, MsFlags};

/// Where control groups are mounted: the one hierarchy of version 2, or one folder a hierarchy.
const CONTROL_GROUPS: &str = "/sys/fs/cgroup";

/// Mounts a tmpfs of `size` (as mount(8) takes it) on `folder`.
pub(crate) fn mount_tmpfs(folder: &Path, size: &str) -> Result<()> {
    let options = format!("size={size},mode=0711");
    mount(
        Some("tmpfs"),
        folder,
        Some("tmpfs"),
        MsFlags::empty(),
        Some(options.as_str()),
    )
    .with_context(|| {
        format!(
            "failed to mount a tmpfs of `{size}` on `{}`",
            folder.display()
        )
    })
}

/// Unmounts everything in and under `folder`, the deepest first.
pub(crate) fn unmount_below(folder: &Path) -> Result<()> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")
        .context("failed to read `/proc/self/mountinfo`")?;
    for point in mount_points(&mounts).rev() {
        if point.starts_with(folder) {
            umount2(&point, MntFlags::MNT_DETACH)
                .with_context(|| format!("failed to unmount `{}`", point.display()))?;
        }
    }
    Ok(())
}

/// The mount points of a mountinfo file, in its order: what is mounted later, or deeper, comes later.
fn mount_points(mountinfo: &str) -> impl DoubleEndedIterator<Item = PathBuf> + '_ {
    mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|point| PathBuf::from(unescape(point)))
}

/// Undoes the octal escapes that proc_pid_mountinfo(5) uses for blanks and backslashes.
fn unescape(point: &str) -> String {
    point
        .replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n")
        .replace("\\134", "\\")
}

/// Removes the control group `name` from every hierarchy; the processes in it have ended.
pub(crate) fn remove_control_groups(name: &str) -> Result<()> {
    let root = Path::new(CONTROL_GROUPS);
    remove_control_group(&root.join(name))?;
    for hierarchy in folders(root)? {
        remove_control_group(&hierarchy.join(name))?;
    }
    Ok(())
}

fn remove_control_group(group: &Path) -> Result<()> {
    for child in folders(group)? {
        remove_control_group(&child)?;
    }
    match fs::remove_dir(group) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove `{}`", group.display()))
        }
        _ => Ok(()),
    }
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
    fn mount_points_are_read_in_order() {
        let mountinfo = "36 35 98:0 /mnt1 /mnt/a\\040b rw,noatime master:1 - ext3 /dev/root rw\n\
                         37 36 0:5 / /mnt/a\\040b/c rw - tmpfs tmpfs rw\n";
        let points: Vec<_> = mount_points(mountinfo).collect();
        assert_eq!(
            points,
            [PathBuf::from("/mnt/a b"), PathBuf::from("/mnt/a b/c")]
        );
    }

    #[test]
    fn a_control_group_that_is_not_there_is_no_error() -> Result<()> {
        remove_control_groups("stevedore-no-such-group")
    }
}
