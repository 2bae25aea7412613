//! Tests of what is found in an image. What layers leave behind is tested where they are flattened.

use std::fs;

use super::*;
use crate::archive::{self, Member};
use crate::compression::{Compression, Compressor};

/// A layer's tar of `name`, kind and content.
fn tar(members: &[(&str, Kind, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, kind, content) in members {
        bytes.extend(archive::header(&Member {
            name: name.as_bytes().to_vec(),
            kind: kind.clone(),
            mode: 0o640,
            uid: 1,
            gid: 2,
            mtime: 0,
            xattrs: Vec::new(),
        }));
        bytes.extend(content.as_bytes());
        bytes.extend(archive::padding(content.len() as u64));
    }
    bytes.extend(archive::end_of_archive());
    bytes
}

fn file(content: &str) -> Kind {
    let size = content.len() as u64;
    Kind::File { size }
}

fn symlink(target: &str) -> Kind {
    let target = target.as_bytes().to_vec();
    Kind::Symlink { target }
}

/// A base with links, and a compressed layer on it.
fn file_system() -> FileSystem {
    let directory = tempfile::tempdir().unwrap();
    let base = tar(&[
        ("usr/", Kind::Directory, ""),
        ("usr/bin/dash", file("shell"), "shell"),
        ("usr/bin/sh", symlink("dash"), ""),
        ("bin", symlink("usr/bin"), ""),
        ("etc/release", symlink("../usr/lib/release"), ""),
        ("etc/loop", symlink("/etc/loop"), ""),
        ("etc/forged", symlink("x\n\u{1b}[2Kok"), ""),
        ("etc/old", file("old"), "old"),
    ]);
    let hard = Kind::HardLink {
        target: b"app/a".to_vec(),
    };
    let upper = tar(&[
        ("etc/.wh.old", file(""), ""),
        ("app/a", file("one"), "one"),
        ("app/b", hard, ""),
        ("app/c", file("three"), "three"),
    ]);
    let mut compressor = Compressor::new(Compression::Zstd, Vec::new()).unwrap();
    std::io::Write::write_all(&mut compressor, &upper).unwrap();
    let paths = ["base.tar", "upper.tar.zst"].map(|name| directory.path().join(name));
    fs::write(&paths[0], base).unwrap();
    fs::write(&paths[1], compressor.finish().unwrap()).unwrap();
    // The files stay open.
    FileSystem::read(&paths).unwrap()
}

#[test]
fn a_path_is_found_through_links() {
    let files = file_system();
    let kept = files.find("/bin/sh", Links::Keep).unwrap();
    assert_eq!(kept.kind, &symlink("dash"));
    assert_eq!(kept.file, None);
    let followed = files.find("/bin/sh", Links::Follow).unwrap();
    assert_eq!(followed.kind, &file("shell"));
    assert_eq!(followed.layer, Some(0));
    assert_eq!(files.find("/app/a", Links::Keep).unwrap().layer, Some(1));
    let implied = files.find("/etc", Links::Keep).unwrap();
    assert_eq!((implied.mode, implied.layer), (0o755, None));
    let root = files.find("/", Links::Keep).unwrap();
    assert_eq!(root.kind, &Kind::Directory);
}

#[test]
fn what_is_not_there_is_explained() {
    let files = file_system();
    for (path, message) in [
        ("/etc/old", "there is nothing at `/etc/old`"),
        (
            "/etc/release",
            "there is nothing at `/usr/lib`, to which the symlink `/etc/release` leads",
        ),
        ("/etc/loop", "the symlink `/etc/loop` leads in a circle"),
        (
            "/etc/forged",
            "there is nothing at `/etc/x\\n\\u{1b}[2Kok`, to which the symlink `/etc/forged` leads",
        ),
        ("/app/a/x", "`/app/a` is no directory"),
    ] {
        let error = files.find(path, Links::Follow).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn only_the_wanted_files_are_read() {
    let files = file_system();
    let id = |path| files.find(path, Links::Follow).unwrap().file.unwrap();
    assert_eq!(id("/app/a"), id("/app/b"));
    let wanted = BTreeSet::from([id("/app/c"), id("/app/b"), id("/bin/sh")]);
    let mut read = Vec::new();
    files
        .read_files(&wanted, &mut |file, content| {
            let mut text = String::new();
            content.read_to_string(&mut text)?;
            read.push((file, text));
            Ok(())
        })
        .unwrap();
    let expected = [("/bin/sh", "shell"), ("/app/a", "one"), ("/app/c", "three")];
    let expected = expected.map(|(path, text)| (id(path), text.to_owned()));
    assert_eq!(read, expected);
}

#[test]
fn the_root_is_of_the_last_layer_that_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let layers = [
        tar(&[("a", file(""), "")]),
        tar(&[("./", Kind::Directory, "")]),
        tar(&[("b", file(""), "")]),
    ];
    let paths = ["0.tar", "1.tar", "2.tar"].map(|name| directory.path().join(name));
    for (path, layer) in paths.iter().zip(layers) {
        fs::write(path, layer).unwrap();
    }
    let files = FileSystem::read(&paths).unwrap();
    let root = files.find("/", Links::Keep).unwrap();
    assert_eq!((root.mode, root.layer), (0o640, Some(1)));
}

#[test]
fn everything_is_visited() {
    let mut paths = Vec::new();
    file_system().visit(&mut |path, _| paths.push(String::from_utf8(path.to_vec()).unwrap()));
    assert_eq!(
        paths.join(" "),
        " bin app app/a app/b app/c etc etc/forged etc/loop etc/release usr usr/bin usr/bin/dash usr/bin/sh"
    );
}
