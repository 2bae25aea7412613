//! What one member of an archive is.

/// A member of a tar archive: everything but its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name as the archive has it, of any encoding; that of a directory ends in a slash when it is written.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// The permissions, with the setuid, setgid and sticky bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
    /// Seconds since the epoch.
    pub mtime: i64,
    /// The extended attributes, sorted by name.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What kind of thing a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file of so many bytes, its holes included.
    File {
        /// The number of bytes.
        size: u64,
    },
    /// Another name for an earlier member.
    HardLink {
        /// That member's name.
        target: Vec<u8>,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, verbatim.
        target: Vec<u8>,
    },
    /// A directory.
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
}

impl Kind {
    /// The number of bytes that follow the header; only files have any.
    pub fn size(&self) -> u64 {
        match self {
            Self::File { size } => *size,
            _ => 0,
        }
    }

    /// The words for it in a message: `a directory`.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::File { .. } => "a file",
            Self::HardLink { .. } => "a hard link",
            Self::Symlink { .. } => "a symlink",
            Self::Directory => "a directory",
            Self::CharacterDevice { .. } => "a character device",
            Self::BlockDevice { .. } => "a block device",
            Self::Fifo => "a named pipe",
        }
    }
}
