//! What an engine mounts: taken away again when it stops.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{mount, umount2, MntFlags, MsFlags};

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
}
