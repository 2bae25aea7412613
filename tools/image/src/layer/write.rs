//! Writes an assembled layer as a tar.

use std::fs::File;
use std::path::Path;

use super::assembly::Assembly;
use super::entry::{Entry, Node};
use super::stream::TarStream;
use crate::archive::{self, Kind, Member};
use crate::error::Error;
use crate::image_path::ImagePath;

/// Writes all entries, and the end of the archive.
pub(super) fn write(assembly: &Assembly, stream: &mut TarStream) -> Result<(), Error> {
    for (path, entry) in assembly.in_order() {
        match &entry.node {
            Node::Directory { .. } => stream.write(&header(path, entry, Kind::Directory))?,
            Node::Empty => stream.write(&header(path, entry, Kind::File { size: 0 }))?,
            Node::Symlink { target } => {
                let target = target.clone();
                stream.write(&header(path, entry, Kind::Symlink { target }))?;
            }
            Node::File { disk, .. } => write_file(path, entry, disk, stream)?,
            Node::Member {
                archive,
                member,
                data,
            } => {
                let archive = &assembly.archives[*archive];
                stream.write(&header(path, entry, member.kind.clone()))?;
                if let Kind::File { size } = member.kind {
                    let mut reader = data
                        .open(&archive.file)
                        .map_err(|source| Error::io("read", &archive.path, source))?;
                    stream.copy(&mut reader, size, &archive.path)?;
                    stream.write(archive::padding(size))?;
                }
            }
        }
    }
    stream.write(archive::end_of_archive())
}

fn write_file(
    path: &ImagePath,
    entry: &Entry,
    disk: &Path,
    stream: &mut TarStream,
) -> Result<(), Error> {
    let mut file = File::open(disk).map_err(|source| Error::io("open", disk, source))?;
    let size = file
        .metadata()
        .map_err(|source| Error::io("read", disk, source))?
        .len();
    stream.write(&header(path, entry, Kind::File { size }))?;
    stream.copy(&mut file, size, disk)?;
    stream.write(archive::padding(size))
}

fn header(path: &ImagePath, entry: &Entry, kind: Kind) -> Vec<u8> {
    let mut name = path.as_bytes().to_vec();
    if name.is_empty() {
        name.push(b'.');
    }
    if kind == Kind::Directory {
        name.push(b'/');
    }
    let attributes = entry.attributes;
    archive::header(&Member {
        name,
        kind,
        mode: attributes.mode,
        uid: attributes.ids.uid,
        gid: attributes.ids.gid,
        mtime: attributes.mtime,
        xattrs: match &entry.node {
            Node::Member { member, .. } => member.xattrs.clone(),
            _ => Vec::new(),
        },
    })
}
