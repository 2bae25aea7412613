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
    pub(crate) children: Vec<Node>,
}

/// One file or directory.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: Box<[u8]>,
    pub(crate) stamp: Stamp,
    pub(crate) directory: Option<Directory>,
}

/// What a directory has beside that.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) xattrs: Xattrs,
    /// Sorted by name.
    pub(crate) children: Vec<Node>,
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

fn children(disk: &Path, path: &[u8], skipped: &Skipped) -> Result<Vec<Node>, Error> {
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
    Ok(nodes)
}

fn directory(
    disk: &Path,
    path: &[u8],
    metadata: &Metadata,
    skipped: &Skipped,
) -> Result<Option<Directory>, Error> {
    if !metadata.is_dir() {
        return Ok(None);
    }
    Ok(Some(Directory {
        xattrs: xattrs::read(disk)?,
        children: children(disk, path, skipped)?,
    }))
}
