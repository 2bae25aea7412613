//! A root file system at one moment.

use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::error::Error;
use crate::inode::Stamp;
use crate::path;
use crate::skipped::Skipped;
use crate::xattrs::{self, Xattrs};

/// What was at each path of a root file system; no content of files.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) children: Box<[Node]>,
}

/// One file or directory.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: Box<[u8]>,
    pub(crate) stamp: Stamp,
    /// Boxed, since most nodes have none, and there may be a million of them.
    pub(crate) directory: Option<Box<Directory>>,
}

/// What a directory has beside that.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) xattrs: Xattrs,
    /// Sorted by name.
    pub(crate) children: Box<[Node]>,
}

impl Snapshot {
    /// Looks at every path below `root` but those in `skipped` and what is below those.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be looked at.
    pub fn take(root: &Path, skipped: &Skipped) -> Result<Self, Error> {
        let children = children(root, &[], skipped)?;
        Ok(Self { children })
    }
}

fn children(disk: &Path, path: &[u8], skipped: &Skipped) -> Result<Box<[Node]>, Error> {
    let mut nodes = Vec::new();
    for entry in fs::read_dir(disk).map_err(Error::io("list", disk))? {
        let entry = entry.map_err(Error::io("list", disk))?;
        let name = entry.file_name();
        let path = path::join(path, name.as_bytes());
        if skipped.contains(&path) {
            continue;
        }
        let disk = entry.path();
        let metadata = entry.metadata().map_err(Error::io("look at", &disk))?;
        nodes.push(Node {
            name: name.as_bytes().into(),
            stamp: Stamp::of(&metadata),
            directory: directory(&disk, &path, &metadata, skipped)?,
        });
    }
    nodes.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(nodes.into_boxed_slice())
}

fn directory(
    disk: &Path,
    path: &[u8],
    metadata: &Metadata,
    skipped: &Skipped,
) -> Result<Option<Box<Directory>>, Error> {
    if !metadata.is_dir() {
        return Ok(None);
    }
    Ok(Some(Box::new(Directory {
        xattrs: xattrs::read(disk)?,
        children: children(disk, path, skipped)?,
    })))
}
