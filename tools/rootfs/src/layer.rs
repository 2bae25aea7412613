//! The layer as a tar.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use stevedore_image::archive::{self, Kind, Member};

use crate::changes::{Changes, Entry, EntryKind, Inode};
use crate::error::Error;
use crate::path;

/// How much of a file is read at once.
const BUFFER: usize = 128 << 10;

/// Writes the canonical tar of `changes`, whose files are below `root`: its bytes depend on nothing else but
/// `latest_mtime`, in seconds since the epoch, after which no entry says that it was changed.
///
/// # Errors
/// [`Error::Io`] and [`Error::Shrunk`] for a file that is not as it was, [`Error::Write`] for `out`.
pub fn write_layer(
    changes: &Changes,
    root: &Path,
    latest_mtime: Option<i64>,
    out: &mut impl Write,
) -> Result<(), Error> {
    let mut layer = Layer {
        root,
        latest_mtime,
        first_names: HashMap::new(),
        buffer: vec![0; BUFFER],
        out,
    };
    for entry in changes.entries() {
        layer.entry(entry)?;
    }
    layer.bytes(archive::end_of_archive())?;
    layer.out.flush().map_err(Error::Write)
}

struct Layer<'a, W> {
    root: &'a Path,
    latest_mtime: Option<i64>,
    /// The path of the entry that has a file's data.
    first_names: HashMap<Inode, Vec<u8>>,
    buffer: Vec<u8>,
    out: &'a mut W,
}

impl<W: Write> Layer<'_, W> {
    fn entry(&mut self, entry: &Entry) -> Result<(), Error> {
        let kind = self.kind(entry);
        let mut name = entry.tar_path();
        if kind == Kind::Directory {
            name.push(b'/');
        }
        let size = kind.size();
        let attributes = &entry.attributes;
        self.bytes(&archive::header(&Member {
            name,
            kind,
            mode: attributes.mode,
            uid: attributes.uid.into(),
            gid: attributes.gid.into(),
            mtime: self.clamp(attributes.mtime),
            xattrs: attributes.xattrs.clone(),
        }))?;
        match size {
            0 => Ok(()),
            _ => self.content(&entry.path, size),
        }
    }

    fn clamp(&self, mtime: i64) -> i64 {
        self.latest_mtime.map_or(mtime, |latest| mtime.min(latest))
    }

    fn kind(&mut self, entry: &Entry) -> Kind {
        if let Some(inode) = entry.inode {
            if let Some(target) = self.first_names.get(&inode) {
                let target = target.clone();
                return Kind::HardLink { target };
            }
            self.first_names.insert(inode, entry.path.clone());
        }
        match &entry.kind {
            EntryKind::File { size } => Kind::File { size: *size },
            EntryKind::Symlink { target } => Kind::Symlink {
                target: target.clone(),
            },
            EntryKind::Directory => Kind::Directory,
            EntryKind::CharacterDevice { major, minor } => Kind::CharacterDevice {
                major: *major,
                minor: *minor,
            },
            EntryKind::BlockDevice { major, minor } => Kind::BlockDevice {
                major: *major,
                minor: *minor,
            },
            EntryKind::Fifo => Kind::Fifo,
            EntryKind::Whiteout => Kind::File { size: 0 },
        }
    }

    /// Writes `size` bytes of the file at `path`, and what fills them up to whole blocks.
    fn content(&mut self, path: &[u8], size: u64) -> Result<(), Error> {
        let disk = path::below(self.root, path);
        let file = File::open(&disk).map_err(Error::io("open", &disk))?;
        let mut reader = file.take(size);
        let mut written = 0;
        loop {
            let count = reader
                .read(&mut self.buffer)
                .map_err(Error::io("read", &disk))?;
            if count == 0 {
                break;
            }
            self.out
                .write_all(&self.buffer[..count])
                .map_err(Error::Write)?;
            written += count as u64;
        }
        if written != size {
            return Err(Error::Shrunk {
                path: disk,
                expected: size,
                found: written,
            });
        }
        self.bytes(archive::padding(size))
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes).map_err(Error::Write)
    }
}
