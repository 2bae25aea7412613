//! The files that the layers of an image leave behind, as a container of it would see them.
//!
//! The headers of the layers tell all but the files' content, which is read in a second pass, of those files alone that
//! somebody asks for. The memory grows with the number of entries, not with their bytes.

mod find;
mod source;
mod tree;

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::PathBuf;

use crate::archive::Kind;
use crate::error::Error;

pub use find::{Links, NotFound};
pub(crate) use source::Source;
pub(crate) use tree::{Attributes, Directory, Name, Tree};

/// The file system of an image.
pub struct FileSystem {
    tree: Tree,
    sources: Vec<Source>,
}

/// A file in a [`FileSystem`], whatever names it has. They are ordered as the layers have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(usize);

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What it is; never a hard link, since all names of a file are equal.
    pub kind: &'a Kind,
    /// The permissions, with the setuid, setgid and sticky bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
    /// The layer that it is from, the bottom one being 0; `None` for a directory that no layer has an entry for.
    pub layer: Option<usize>,
    /// What its content is read by, if it is a regular file.
    pub file: Option<FileId>,
}

impl FileSystem {
    /// Reads the headers of `layers`, the bottom one first: tars, compressed or not.
    ///
    /// # Errors
    /// If a layer cannot be read or is malformed, a whiteout is for something outside of the image, or a hard link leads
    /// nowhere.
    pub fn read(layers: &[PathBuf]) -> Result<Self, Error> {
        let sources = layers.iter().map(|path| Source::at(path));
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            tree: Tree::read(&sources)?,
            sources,
        })
    }

    /// The number of layers.
    pub fn layers(&self) -> usize {
        self.sources.len()
    }

    /// Visits everything, first the root, in the order of the paths' parts. A path has no slash in front, so that of the root is
    /// empty.
    pub fn visit<'a>(&'a self, visit: &mut impl FnMut(&[u8], Entry<'a>)) {
        visit(b"", entry_of(&self.tree.root));
        self.visit_directory(&self.tree.root, &mut Vec::new(), visit);
    }

    fn visit_directory<'a>(
        &'a self,
        directory: &'a Directory,
        path: &mut Vec<u8>,
        visit: &mut impl FnMut(&[u8], Entry<'a>),
    ) {
        let length = path.len();
        for (name, file) in &directory.files {
            path.extend_from_slice(name);
            visit(path, self.file(file.inode));
            path.truncate(length);
        }
        for (name, child) in &directory.directories {
            path.extend_from_slice(name);
            visit(path, entry_of(child));
            path.push(b'/');
            self.visit_directory(child, path, visit);
            path.truncate(length);
        }
    }

    /// Gives each of the files `wanted` to `take`, with what reads its content. Layers that have none of them are not read.
    ///
    /// # Errors
    /// If a layer cannot be read, or `take` cannot read its content.
    pub fn read_files(
        &self,
        wanted: &BTreeSet<FileId>,
        take: &mut dyn FnMut(FileId, &mut dyn Read) -> io::Result<()>,
    ) -> Result<(), Error> {
        let inode = |file: &FileId| &self.tree.inodes[file.0];
        // The order of the files is that of the layers, and of their members.
        let wanted: Vec<FileId> = wanted.iter().copied().collect();
        for of_layer in wanted.chunk_by(|one, next| inode(one).layer == inode(next).layer) {
            let source = &self.sources[inode(&of_layer[0]).layer];
            let mut ahead = of_layer.iter().peekable();
            let mut ordinal = 0;
            source.each_member(&mut |_, content| {
                if let Some(file) = ahead.next_if(|file| inode(file).ordinal == ordinal) {
                    take(*file, content)
                        .map_err(|error| Error::io("read", source.path(), error))?;
                }
                ordinal += 1;
                Ok(ahead.peek().is_some())
            })?;
        }
        Ok(())
    }

    fn file(&self, index: usize) -> Entry<'_> {
        let inode = &self.tree.inodes[index];
        let is_file = matches!(inode.kind, Kind::File { .. });
        Entry {
            kind: &inode.kind,
            mode: inode.attributes.mode,
            uid: inode.attributes.uid,
            gid: inode.attributes.gid,
            layer: Some(inode.layer),
            file: is_file.then_some(FileId(index)),
        }
    }
}

/// A path or the target of a link for a message, in which it moves no cursor and begins no line.
pub fn printable(path: &[u8]) -> String {
    let visible = |character: char| match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    String::from_utf8_lossy(path).chars().map(visible).collect()
}

fn entry_of(directory: &Directory) -> Entry<'_> {
    let implied = Attributes::implied();
    let attributes = directory.attributes.as_ref();
    let known = attributes.is_some();
    let attributes = attributes.unwrap_or(&implied);
    Entry {
        kind: &Kind::Directory,
        mode: attributes.mode,
        uid: attributes.uid,
        gid: attributes.gid,
        layer: known.then_some(directory.layer),
        file: None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
