//! Unpacks a layer into a lower directory of an overlay.

mod entry;
mod parents;

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd as _;
use std::path::Path;

use rustix::fs::{openat, AtFlags, Mode, OFlags, Timespec, Timestamps, CWD, UTIME_OMIT};
use stevedore_image::archive::{Data, Kind, Member, Reader};
use stevedore_image::compression::Decompressor;
use stevedore_image::digest::HashingReader;

use super::notes::Notes;
use super::xattrs;
use crate::request::LayerFile;
use crate::stage::error::Error;
use crate::stage::namespace::Identity;
use crate::stage::wanted::Wanted;
use entry::Entry;
use parents::Parents;

/// What marks a file that says that another is gone.
/// See <https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md#whiteouts>.
const WHITEOUT: &[u8] = b".wh.";
/// What begins so is about the layer itself.
const ABOUT_LAYER: &[u8] = b".wh..wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// What a file takes of the disk is a multiple of this.
const DISK_BLOCK: u64 = 4096;

/// Unpacks the layer's file into the empty folder `into`, and compares its bytes with its digest.
pub(super) fn unpack(
    layer: &LayerFile,
    into: &Path,
    identity: &Identity,
    wanted: &Wanted,
) -> Result<Notes, Error> {
    let path = &layer.path;
    let file = File::open(path).map_err(Error::io("open", path))?;
    let plain = Decompressor::new(file).map_err(Error::io("read", path))?;
    let mut reader = Reader::new(path, HashingReader::new(plain)).with_absolute_names();
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let root = openat(CWD, into, flags, Mode::empty());
    let root = root.map_err(|errno| Error::io("open", into)(errno.into()))?;
    let mut unpacking = Unpacking {
        layer: path,
        parents: Parents::new(root),
        is_root: identity.is_machines_root(),
        notes: Notes::default(),
        directories: Vec::new(),
    };
    while let Some((member, data)) = reader.next_member().map_err(Error::Layer)? {
        wanted.check()?;
        unpacking.member(&member, &data, &mut reader)?;
    }
    unpacking.set_directories_times()?;
    let found = reader.into_inner().finish().digest;
    match found == layer.diff_id {
        true => Ok(unpacking.notes),
        false => Err(Error::WrongDigest {
            path: path.to_owned(),
            expected: layer.diff_id,
            found,
        }),
    }
}

struct Unpacking<'a> {
    layer: &'a Path,
    parents: Parents,
    /// Whether the overlay will be one of the machine's root.
    is_root: bool,
    notes: Notes,
    /// Their times are set at last, since what is put into them changes them.
    directories: Vec<(Vec<u8>, i64)>,
}

impl Unpacking<'_> {
    fn member<R: Read>(
        &mut self,
        member: &Member,
        data: &Data,
        reader: &mut Reader<R>,
    ) -> Result<(), Error> {
        self.try_member(member, data, reader)
            .map_err(|source| Error::Member {
                path: self.layer.to_owned(),
                member: member.name.clone(),
                source,
            })
    }

    fn try_member<R: Read>(
        &mut self,
        member: &Member,
        data: &Data,
        reader: &mut Reader<R>,
    ) -> io::Result<()> {
        let path = parts(&member.name).collect::<Vec<_>>().join(&b'/');
        let (parent, name) = split(&path);
        if is_about_layer(&path, &name) {
            return Ok(());
        }
        let directory = self.parents.open(&parent, &mut self.notes.implied)?;
        let entry = Entry {
            directory: directory.as_fd(),
            name: &name,
            is_root: self.is_root,
        };
        if name == OPAQUE {
            return xattrs::set_opaque(directory.as_fd(), b".", self.is_root);
        }
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            return entry.named(hidden).white_out();
        }
        if !self.make(entry, member, &mut reader.content(data))? {
            return Ok(());
        }
        let size = member.kind.size();
        self.notes.size += size.next_multiple_of(DISK_BLOCK).max(DISK_BLOCK);
        if member.kind == Kind::Directory {
            self.directories.push((path.clone(), member.mtime));
            self.notes.implied.remove(&path);
        }
        match entry.set_attributes(member)? {
            true => self.notes.owners.remove(&path),
            false => self.notes.owners.insert(path, (member.uid, member.gid)),
        };
        Ok(())
    }

    /// Makes a file, and tells whether its attributes are to be set.
    fn make(&mut self, entry: Entry, member: &Member, content: &mut impl Read) -> io::Result<bool> {
        match &member.kind {
            Kind::File { .. } => {
                entry.make_file(content)?;
                return Ok(true);
            }
            Kind::HardLink { target } => {
                let (parent, name) = split(target);
                let from = self.parents.open_other(&parent)?;
                // Its attributes are those of the file that it is.
                return entry.link(&from, &name).map(|()| false);
            }
            Kind::Directory => entry.make_directory()?,
            Kind::Symlink { target } => entry.make_symlink(target)?,
            special => return entry.make_special(special),
        }
        // What was found through this path may be elsewhere now.
        self.parents.forget();
        Ok(true)
    }

    /// Those of outer directories after those of inner ones, though nothing is made any more that would change them.
    fn set_directories_times(&mut self) -> Result<(), Error> {
        for (path, mtime) in std::mem::take(&mut self.directories) {
            let (parent, name) = split(&path);
            let set = || {
                let directory = self.parents.open_other(&parent)?;
                let set = rustix::fs::utimensat(
                    &directory,
                    &name[..],
                    &times(mtime),
                    AtFlags::SYMLINK_NOFOLLOW,
                );
                Ok(set?)
            };
            set().map_err(|source| Error::Member {
                path: self.layer.to_owned(),
                member: path.clone(),
                source,
            })?;
        }
        Ok(())
    }
}

/// Whether a member says something of the layer, and not of a file.
fn is_about_layer(path: &[u8], name: &[u8]) -> bool {
    let is_below = path.starts_with(ABOUT_LAYER) && path != OPAQUE;
    is_below || name.starts_with(ABOUT_LAYER) && name != OPAQUE
}

/// Times of which only the last change is known.
fn times(mtime: i64) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT as _,
        },
        last_modification: Timespec {
            tv_sec: mtime,
            tv_nsec: 0,
        },
    }
}

/// The directory that a path is in, and its name there; that of the root is `.`.
fn split(path: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let parts: Vec<&[u8]> = parts(path).collect();
    match parts.split_last() {
        Some((name, parent)) => (parent.join(&b'/'), name.to_vec()),
        None => (Vec::new(), b".".to_vec()),
    }
}

/// The parts of a path that mean something.
fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let parts = path.split(|byte| *byte == b'/');
    parts.filter(|part| !matches!(*part, b"" | b"."))
}
