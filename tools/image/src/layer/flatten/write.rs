//! Writes the files that are left as one tar.

use crate::archive::{self, Kind, Member};
use crate::error::Error;
use crate::file_system::{Attributes, Directory, Name, Source, Tree};
use crate::layer::stream::TarStream;

/// A name of an inode.
struct Named {
    inode: usize,
    path: Name,
}

/// Writes the directories, then all else in the order of the layers, then further names of what was written.
pub(super) fn write(tree: &Tree, sources: &[Source], stream: &mut TarStream) -> Result<(), Error> {
    let mut named = Vec::new();
    if let Some(attributes) = &tree.root.attributes {
        stream.write(&header(b"./", Kind::Directory, attributes))?;
    }
    write_directories(&tree.root, &mut Vec::new(), &mut named, stream)?;
    // Stable: of the names of an inode, the first one in the tree gets the content.
    named.sort_by_key(|name| {
        let inode = &tree.inodes[name.inode];
        (inode.layer, inode.ordinal)
    });
    let of_layers =
        named.chunk_by(|one, next| tree.inodes[one.inode].layer == tree.inodes[next.inode].layer);
    for of_layer in of_layers {
        let source = &sources[tree.inodes[of_layer[0].inode].layer];
        write_layer(tree, of_layer, source, stream)?;
    }
    for names in named.chunk_by(|one, next| one.inode == next.inode) {
        let target = names[0].path.to_vec();
        let attributes = &tree.inodes[names[0].inode].attributes;
        for name in &names[1..] {
            let target = target.clone();
            stream.write(&header(&name.path, Kind::HardLink { target }, attributes))?;
        }
    }
    stream.write(archive::end_of_archive())
}

/// Writes what is below a directory whose path, with a slash at its end, is `path`; and collects the names of files.
fn write_directories(
    directory: &Directory,
    path: &mut Vec<u8>,
    named: &mut Vec<Named>,
    stream: &mut TarStream,
) -> Result<(), Error> {
    let length = path.len();
    for (name, file) in &directory.files {
        named.push(Named {
            inode: file.inode,
            path: [path, &name[..]].concat().into(),
        });
    }
    for (name, child) in &directory.directories {
        path.extend_from_slice(name);
        path.push(b'/');
        let implied = Attributes::implied();
        let attributes = child.attributes.as_ref().unwrap_or(&implied);
        stream.write(&header(path, Kind::Directory, attributes))?;
        write_directories(child, path, named, stream)?;
        path.truncate(length);
    }
    Ok(())
}

/// Copies what is left of a layer. `names` are in the order of the layer's members.
fn write_layer(
    tree: &Tree,
    names: &[Named],
    source: &Source,
    stream: &mut TarStream,
) -> Result<(), Error> {
    let mut wanted = names
        .chunk_by(|one, next| one.inode == next.inode)
        .peekable();
    let mut ordinal = 0;
    source.each_member(&mut |member, mut content| {
        let inode = |names: &&[Named]| &tree.inodes[names[0].inode];
        let found = wanted.next_if(|names| inode(names).ordinal == ordinal);
        ordinal += 1;
        if let Some(names) = found {
            let size = member.kind.size();
            stream.write(&header(
                &names[0].path,
                member.kind,
                &inode(&names).attributes,
            ))?;
            stream.copy(&mut content, size, source.path())?;
            stream.write(archive::padding(size))?;
        }
        Ok(wanted.peek().is_some())
    })
}

fn header(name: &[u8], kind: Kind, attributes: &Attributes) -> Vec<u8> {
    archive::header(&Member {
        name: name.to_vec(),
        kind,
        mode: attributes.mode,
        uid: attributes.uid,
        gid: attributes.gid,
        mtime: attributes.mtime,
        xattrs: attributes.xattrs.clone(),
    })
}
