//! What `lstat` says of a file.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use crate::changes::{Attributes, Entry, EntryKind, Inode};
use crate::error::Error;
use crate::path::{self, WHITEOUT};
use crate::xattrs::{self, Xattrs};

const PERMISSIONS: u32 = 0o7777;

/// What tells whether a file that is not a directory was touched.
///
/// The inode's number is not among it: a user-space file system may change it when it likes, and whatever puts another
/// file at a path sets that file's `ctime`, which nobody can set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    mode: u32,
    uid: u32,
    gid: u32,
    rdev: u64,
    size: u64,
    mtime: (i64, i64),
    ctime: (i64, i64),
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            mode: metadata.mode(),
            uid: metadata.uid(),
            gid: metadata.gid(),
            rdev: metadata.rdev(),
            size: metadata.size(),
            mtime: (metadata.mtime(), metadata.mtime_nsec()),
            ctime: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// What of it says that a directory is another: neither its times nor its size, which follow from what is in it.
    pub(crate) fn of_directory(&self) -> (u32, u32, u32) {
        (self.mode, self.uid, self.gid)
    }
}

/// The attributes that a layer has of a file.
fn attributes(metadata: &Metadata, xattrs: Xattrs) -> Attributes {
    Attributes {
        mode: metadata.mode() & PERMISSIONS,
        uid: metadata.uid(),
        gid: metadata.gid(),
        mtime: metadata.mtime(),
        xattrs,
    }
}

/// The entry for what is at `path` below `root`, or nothing for a socket.
///
/// # Errors
/// [`Error::Io`] if it cannot be looked at, [`Error::ReservedName`] if a layer cannot have it.
pub(crate) fn look_at(root: &Path, path: &[u8]) -> Result<Option<Entry>, Error> {
    let disk = path::below(root, path);
    let name = path.rsplit(|byte| *byte == b'/').next();
    if name.is_some_and(|name| name.starts_with(WHITEOUT)) {
        return Err(Error::ReservedName { path: disk });
    }
    let metadata = fs::symlink_metadata(&disk).map_err(Error::io("look at", &disk))?;
    entry(path, &disk, &metadata)
}

/// The entry for the file at `disk`, or nothing if it is a socket, which no archive can hold.
///
/// # Errors
/// [`Error::Io`] if it cannot be looked at.
pub(crate) fn entry(path: &[u8], disk: &Path, metadata: &Metadata) -> Result<Option<Entry>, Error> {
    let Some(kind) = kind(disk, metadata).map_err(Error::io("read", disk))? else {
        return Ok(None);
    };
    let has_names = metadata.nlink() > 1 && kind != EntryKind::Directory;
    Ok(Some(Entry {
        path: path.to_vec(),
        kind,
        attributes: attributes(metadata, xattrs::read(disk)?),
        inode: has_names.then(|| Inode {
            device: metadata.dev(),
            number: metadata.ino(),
        }),
    }))
}

fn kind(disk: &Path, metadata: &Metadata) -> io::Result<Option<EntryKind>> {
    use std::os::unix::ffi::OsStringExt;
    let file_type = metadata.file_type();
    let (major, minor) = (
        rustix::fs::major(metadata.rdev()),
        rustix::fs::minor(metadata.rdev()),
    );
    Ok(Some(if file_type.is_file() {
        let size = metadata.size();
        EntryKind::File { size }
    } else if file_type.is_dir() {
        EntryKind::Directory
    } else if file_type.is_symlink() {
        let target = std::fs::read_link(disk)?.into_os_string().into_vec();
        EntryKind::Symlink { target }
    } else if file_type.is_char_device() {
        EntryKind::CharacterDevice { major, minor }
    } else if file_type.is_block_device() {
        EntryKind::BlockDevice { major, minor }
    } else if file_type.is_fifo() {
        EntryKind::Fifo
    } else {
        return Ok(None);
    }))
}
