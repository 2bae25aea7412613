//! The files that layers leave behind when each is applied to what is below it.

use std::collections::BTreeMap;
use std::path::Path;

use super::source::Source;
use crate::archive::{Kind, Member};
use crate::error::Error;

const WHITEOUT: &[u8] = b".wh.";
/// What begins so is about the layer itself. See
/// <https://github.com/moby/moby/blob/v28.5.2/vendor/github.com/moby/go-archive/whiteouts.go>.
const ABOUT_LAYER: &[u8] = b".wh..wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// As many as Linux follows.
pub(crate) const MAX_LINKS: usize = 40;
/// No path that Linux takes has more parts: `PATH_MAX` is 4096.
const MAX_DEPTH: usize = 2048;

/// The permissions of a directory that no layer has an entry for.
const IMPLIED: u32 = 0o755;

pub(crate) type Name = Box<[u8]>;

/// The file system at some point.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) root: Directory,
    /// All files there ever were, those included that are gone.
    pub(crate) inodes: Vec<Inode>,
    layer: usize,
}

/// What is in a directory.
#[derive(Default)]
pub(crate) struct Directory {
    /// Nothing for one that no layer has an entry for.
    pub(crate) attributes: Option<Attributes>,
    /// The layer with the last entry for it.
    pub(crate) layer: usize,
    pub(crate) directories: BTreeMap<Name, Directory>,
    pub(crate) files: BTreeMap<Name, File>,
}

/// A name of something that is no directory.
pub(crate) struct File {
    pub(crate) inode: usize,
    /// The layer that has the name.
    layer: usize,
}

/// Something that is no directory. It is there as long as one of its names is.
pub(crate) struct Inode {
    /// Which layer has its content.
    pub(crate) layer: usize,
    /// Where among the layer's members.
    pub(crate) ordinal: usize,
    pub(crate) attributes: Attributes,
    /// What it is; never a hard link.
    pub(crate) kind: Kind,
}

/// What is told of an entry beside its kind and content.
#[derive(Clone, Default)]
pub(crate) struct Attributes {
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) mtime: i64,
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Tree {
    /// Reads the headers of layers, the bottom one first.
    ///
    /// Each layer is applied to what is below it as engines do, which unpack it into a directory of its own and lay that over
    /// the others (<https://docs.kernel.org/filesystems/overlayfs.html>): what has another type replaces what is there, a path
    /// below what is a symbolic link in a lower layer makes a directory of it, a missing parent is made, and a whiteout hides
    /// what lower layers have, and nothing of its own layer. A directory without an entry keeps what a lower layer tells of it,
    /// as with containerd.
    pub(crate) fn read(layers: &[Source]) -> Result<Self, Error> {
        let mut tree = Self::default();
        for (layer, source) in layers.iter().enumerate() {
            tree.begin_layer(layer);
            let mut ordinal = 0;
            source.each_member(&mut |member, _| {
                tree.apply(source.path(), ordinal, member)?;
                ordinal += 1;
                Ok(true)
            })?;
        }
        Ok(tree)
    }

    /// Says which layer the following members are of.
    fn begin_layer(&mut self, layer: usize) {
        self.layer = layer;
    }

    /// Applies a member of the current layer, whose file is `path`.
    fn apply(&mut self, path: &Path, ordinal: usize, member: Member) -> Result<(), Error> {
        let bad = |reason: &str| Error::UnusableMember {
            path: path.to_owned(),
            member: String::from_utf8_lossy(&member.name).into_owned(),
            reason: reason.to_owned(),
        };
        let mut parts = parts(&member.name);
        let Some(name) = parts.pop() else {
            if member.kind != Kind::Directory {
                return Err(bad("is the root but no directory"));
            }
            self.root.layer = self.layer;
            self.root.attributes = Some(Attributes::of(member));
            return Ok(());
        };
        let parent = self.resolve(&parts).map_err(bad)?;
        if name == OPAQUE {
            self.root.make(&parent, self.layer).hide_lower(self.layer);
            return Ok(());
        }
        if name.starts_with(ABOUT_LAYER)
            || parts
                .first()
                .is_some_and(|top| top.starts_with(ABOUT_LAYER))
        {
            return Ok(());
        }
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            if matches!(hidden, b"" | b"." | b"..") {
                return Err(bad("is a whiteout of a directory that it is in"));
            }
            let directory = self.root.make(&parent, self.layer);
            directory.hide_lower_child(hidden, self.layer);
            return Ok(());
        }
        let name = Name::from(name);
        match &member.kind {
            Kind::Directory => {
                let directory = self
                    .root
                    .make(&parent, self.layer)
                    .make_child(&name, self.layer);
                directory.layer = self.layer;
                directory.attributes = Some(Attributes::of(member));
            }
            Kind::HardLink { target } => {
                let inode = self.linked(target).map_err(bad)?;
                self.inodes[inode].update(member);
                self.place(&parent, name, inode);
            }
            _ => {
                let inode = self.inodes.len();
                self.inodes.push(Inode {
                    layer: self.layer,
                    ordinal,
                    kind: member.kind.clone(),
                    attributes: Attributes::of(member),
                });
                self.place(&parent, name, inode);
            }
        }
        Ok(())
    }

    fn place(&mut self, parent: &[Name], name: Name, inode: usize) {
        let layer = self.layer;
        let directory = self.root.make(parent, layer);
        directory.directories.remove(&name);
        directory.files.insert(name, File { inode, layer });
    }

    /// What a hard link leads to.
    fn linked(&mut self, target: &[u8]) -> Result<usize, &'static str> {
        let mut parts = parts(target);
        let name = parts.pop().ok_or("is a hard link to the root")?;
        let parent = self.resolve(&parts)?;
        let directory = self.root.find(&parent);
        let file = directory.and_then(|directory| directory.files.get(name));
        file.map(|file| file.inode)
            .ok_or("is a hard link to what is not in the image, or is a directory")
    }

    /// Where a directory is when the current layer's links on the way are followed. It need not be there.
    fn resolve(&self, parts: &[&[u8]]) -> Result<Vec<Name>, &'static str> {
        let mut ahead: Vec<&[u8]> = parts.iter().rev().copied().collect();
        let mut path: Vec<Name> = Vec::new();
        let mut directories = vec![Some(&self.root)];
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            if part == b".." {
                if path.pop().is_some() {
                    directories.pop();
                }
                continue;
            }
            let here = directories.last().copied().flatten();
            let link = here
                .and_then(|directory| directory.files.get(part))
                .filter(|file| file.layer == self.layer)
                .and_then(|file| self.inodes[file.inode].symlink());
            if let Some(target) = link {
                links += 1;
                if links > MAX_LINKS {
                    return Err("is below symbolic links that lead in a circle");
                }
                if target.starts_with(b"/") {
                    path.clear();
                    directories.truncate(1);
                }
                let mut behind = self::parts(target);
                behind.reverse();
                ahead.append(&mut behind);
                continue;
            }
            if path.len() == MAX_DEPTH {
                return Err("is below more directories than a path can have");
            }
            path.push(part.into());
            directories.push(here.and_then(|directory| directory.directories.get(part)));
        }
        Ok(path)
    }
}

impl Directory {
    /// The directory at a path, if it is there.
    fn find(&mut self, path: &[Name]) -> Option<&mut Self> {
        path.iter()
            .try_fold(self, |directory, name| directory.directories.get_mut(name))
    }

    /// The directory at a path, which is made if it is not there.
    fn make(&mut self, path: &[Name], layer: usize) -> &mut Self {
        path.iter()
            .fold(self, |directory, name| directory.make_child(name, layer))
    }

    fn make_child(&mut self, name: &Name, layer: usize) -> &mut Self {
        self.files.remove(name);
        self.directories
            .entry(name.clone())
            .or_insert_with(|| Self {
                layer,
                ..Self::default()
            })
    }

    /// Drops what is of layers below `layer`.
    fn hide_lower(&mut self, layer: usize) {
        self.files.retain(|_, file| file.layer == layer);
        self.directories.retain(|_, directory| {
            directory.hide_lower(layer);
            directory.is_needed(layer)
        });
    }

    fn hide_lower_child(&mut self, name: &[u8], layer: usize) {
        if self.files.get(name).is_some_and(|file| file.layer < layer) {
            self.files.remove(name);
        }
        if let Some(directory) = self.directories.get_mut(name) {
            directory.hide_lower(layer);
            if !directory.is_needed(layer) {
                self.directories.remove(name);
            }
        }
    }

    fn is_needed(&self, layer: usize) -> bool {
        self.layer == layer || !self.files.is_empty() || !self.directories.is_empty()
    }
}

impl Attributes {
    /// What a directory has that no layer has an entry for, as engines make it.
    pub(crate) fn implied() -> Self {
        Self {
            mode: IMPLIED,
            ..Self::default()
        }
    }

    fn of(member: Member) -> Self {
        Self {
            mode: member.mode,
            uid: member.uid,
            gid: member.gid,
            mtime: member.mtime,
            xattrs: member.xattrs,
        }
    }
}

impl Inode {
    /// Where a symbolic link leads.
    pub(crate) fn symlink(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::Symlink { target } => Some(target),
            _ => None,
        }
    }

    /// Takes what a hard link tells of what it leads to, as engines do. Few tools repeat the extended attributes there, and
    /// a symbolic link has no mode.
    fn update(&mut self, member: Member) {
        let old = std::mem::replace(&mut self.attributes, Attributes::of(member));
        if self.attributes.xattrs.is_empty() {
            self.attributes.xattrs = old.xattrs;
        }
        if self.symlink().is_some() {
            self.attributes.mode = old.mode;
        }
    }
}

/// The parts of a path that mean something.
pub(crate) fn parts(path: &[u8]) -> Vec<&[u8]> {
    path.split(|byte| *byte == b'/')
        .filter(|part| !matches!(*part, b"" | b"."))
        .collect()
}
