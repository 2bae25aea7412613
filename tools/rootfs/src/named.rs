//! Files and directories that are asked for by name.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::changes::{Changes, Entry};
use crate::error::Error;
use crate::inode;
use crate::path;

/// What is at the absolute `paths` and below them: a symlink at one of them is followed, below them it stays one.
///
/// The entries have the paths that were asked for; their ancestors are not among them, and no entry is a hard link.
///
/// # Errors
/// [`Error::Missing`] if nothing is there, [`Error::Io`] for a file that cannot be looked at.
pub fn named(root: &Path, paths: &[String]) -> Result<Changes, Error> {
    let wanted: BTreeSet<Vec<u8>> = paths
        .iter()
        .map(|path| path::from_absolute(path.as_bytes()))
        .collect();
    let mut found = Vec::new();
    for path in wanted {
        let disk = path::below(root, &path);
        let metadata = fs::metadata(&disk).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::Missing { path: disk.clone() },
            _ => Error::io("look at", &disk)(source),
        })?;
        add(&path, &disk, &metadata, &mut found)?;
    }
    found.sort_by(|one: &Entry, other| path::compare(&one.path, &other.path));
    found.dedup_by(|one, other| one.path == other.path);
    Ok(Changes::new(found))
}

fn add(
    path: &[u8],
    disk: &Path,
    metadata: &fs::Metadata,
    found: &mut Vec<Entry>,
) -> Result<(), Error> {
    let Some(entry) = inode::entry(path, disk, metadata)? else {
        return Ok(());
    };
    found.push(Entry {
        inode: None,
        ..entry
    });
    if !metadata.is_dir() {
        return Ok(());
    }
    for child in fs::read_dir(disk).map_err(Error::io("list", disk))? {
        let child = child.map_err(Error::io("list", disk))?;
        let (disk, name) = (child.path(), child.file_name());
        let metadata = child.metadata().map_err(Error::io("look at", &disk))?;
        add(&path::join(path, name.as_bytes()), &disk, &metadata, found)?;
    }
    Ok(())
}
