//! What a layer will have.

use crate::path;

/// The entries of a layer, in the layer's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    entries: Vec<Entry>,
}

/// One entry of a layer: a file that is new or changed, or the mark that one is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path from the root, without a leading or a trailing slash. That of a [`EntryKind::Whiteout`] is the path that is
    /// gone.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// What it is beside that; of a [`EntryKind::Whiteout`], the default.
    pub attributes: Attributes,
    /// Which file it is a name of, if that has others: the first entry of several with the same one has the data, and the
    /// rest are hard links to it. Never of a directory.
    pub inode: Option<Inode>,
}

/// What kind of thing an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file of so many bytes, its holes included.
    File {
        /// The number of bytes.
        size: u64,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, verbatim.
        target: Vec<u8>,
    },
    /// A directory, which says nothing of what is in it.
    Directory,
    /// A character device.
    CharacterDevice {
        /// The major number.
        major: u32,
        /// The minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// The major number.
        major: u32,
        /// The minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
    /// What was there in the layers below is gone.
    Whiteout,
}

/// Everything of a file but its kind and content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The permissions, with the setuid, setgid and sticky bits, and nothing else.
    pub mode: u32,
    /// The owner's number, as the container sees it.
    pub uid: u32,
    /// The group's number, as the container sees it.
    pub gid: u32,
    /// Seconds since the epoch, rounded down.
    pub mtime: i64,
    /// The extended attributes that a layer keeps (`security.capability` and `user.*`), sorted by name.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A file, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Inode {
    /// The device that the file is on.
    pub device: u64,
    /// Its number there.
    pub number: u64,
}

impl Changes {
    /// Brings entries into the layer's order. Every ancestor of an entry, but the root itself, must be among them.
    pub fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|one, other| path::compare(&one.tar_path(), &other.tar_path()));
        Self { entries }
    }

    /// The entries, in the layer's order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Entry {
    /// The mark that what was at `path` is gone.
    pub fn whiteout(path: Vec<u8>) -> Self {
        Self {
            path,
            kind: EntryKind::Whiteout,
            attributes: Attributes::default(),
            inode: None,
        }
    }

    /// The path in the layer: that of a whiteout has `.wh.` before its last component.
    pub(crate) fn tar_path(&self) -> Vec<u8> {
        match self.kind {
            EntryKind::Whiteout => path::whiteout(&self.path),
            _ => self.path.clone(),
        }
    }
}
