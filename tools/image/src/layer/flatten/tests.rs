//! Tests of what layers leave behind.

use std::fs;
use std::io::Read;

use super::*;
use crate::archive::{self, Kind, Member};
use crate::compression::{Compression, Compressor};
use crate::description::{BlobDescription, ImageDescription, LayerDescription, Platform};
use crate::digest::Content;
use crate::json;
use crate::media_type;

/// A layer's tar, a member a word: `dir/`, `file=content`, `link->target` (symbolic), `link=>target` (hard). The mode tells
/// the number of the layer, from 1 on.
fn tar(number: u32, members: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for member in members {
        let (name, kind, content) = if let Some((name, target)) = member.split_once("->") {
            let target = target.as_bytes().to_vec();
            (name, Kind::Symlink { target }, "")
        } else if let Some((name, target)) = member.split_once("=>") {
            let target = target.as_bytes().to_vec();
            (name, Kind::HardLink { target }, "")
        } else if let Some((name, content)) = member.split_once('=') {
            let size = content.len() as u64;
            (name, Kind::File { size }, content)
        } else if member.ends_with('/') {
            (*member, Kind::Directory, "")
        } else {
            (*member, Kind::File { size: 0 }, "")
        };
        bytes.extend(archive::header(&Member {
            name: name.as_bytes().to_vec(),
            kind,
            mode: 0o700 + number,
            uid: 0,
            gid: 0,
            mtime: 0,
            xattrs: Vec::new(),
        }));
        bytes.extend(content.as_bytes());
        bytes.extend(archive::padding(content.len() as u64));
    }
    bytes.extend(archive::end_of_archive());
    bytes
}

/// Flattens tars, one of which is compressed.
fn flattened(tars: &[Vec<u8>]) -> Result<Vec<u8>, Error> {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let mut tars_at = Vec::new();
    for (index, tar) in tars.iter().enumerate() {
        let compression = match index {
            1 => Compression::Zstd,
            _ => Compression::None,
        };
        let mut compressor = Compressor::new(compression, Vec::new()).unwrap();
        std::io::Write::write_all(&mut compressor, tar).unwrap();
        tars_at.push(at(&format!("{index}.tar")));
        fs::write(&tars_at[index], compressor.finish().unwrap()).unwrap();
    }
    fs::write(at("config.json"), "{}").unwrap();
    let description = ImageDescription {
        config: BlobDescription::new(media_type::OCI_CONFIG, Content::of(b"{}")),
        platform: Platform {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            variant: None,
        },
        layers: tars
            .iter()
            .map(|tar| LayerDescription::new(Content::of(tar)))
            .collect(),
    };
    fs::write(
        at("description.json"),
        json::to_bytes(&description).unwrap(),
    )
    .unwrap();
    let mut image = ImageFiles::load(&at("config.json"))
        .unwrap()
        .with_description(&at("description.json"))
        .unwrap();
    image.tars = tars_at;
    let outputs = LayerOutputs {
        tar: Some(at("flat.tar")),
        ..LayerOutputs::default()
    };
    flatten(&image, &outputs)?;
    Ok(fs::read(at("flat.tar")).unwrap())
}

/// What a tar has, in its order, as an independent reader sees it, each member as [`tar`] takes it and with its layer's
/// number; 55 is that of a directory without an entry.
fn listing(bytes: &[u8]) -> String {
    let mut words = Vec::new();
    for entry in ::tar::Archive::new(bytes).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().to_vec()).unwrap();
        let target = entry
            .link_name_bytes()
            .map(|target| String::from_utf8(target.to_vec()).unwrap())
            .unwrap_or_default();
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        let layer = entry.header().mode().unwrap() & 0o77;
        words.push(match entry.header().entry_type() {
            ::tar::EntryType::Directory => format!("{layer:o}:{name}"),
            ::tar::EntryType::Symlink => format!("{layer:o}:{name}->{target}"),
            ::tar::EntryType::Link => format!("{layer:o}:{name}=>{target}"),
            _ => format!("{layer:o}:{name}={content}"),
        });
    }
    words.join(" ")
}

#[test]
fn layers_leave_behind_what_an_engine_shows_of_them() {
    let cases: &[(&str, &[&[&str]], &str)] = &[
        (
            "a later entry replaces an earlier one",
            &[&["./", "a/", "a/x=1", "a/y=1"], &["a/", "a/x=2"]],
            "1:./ 2:a/ 1:a/y=1 2:a/x=2",
        ),
        (
            "a whiteout hides a file, or a directory with all in it",
            &[
                &["a/", "a/x=1", "a/y=1", "b/", "b/z=1"],
                &[".wh.b", "a/.wh.x", "a/.wh.nothing", ".wh.nothing"],
            ],
            "1:a/ 1:a/y=1",
        ),
        (
            "a whiteout hides nothing of its own layer, wherever it stands",
            &[
                &["a/", "a/x=1", "b=1"],
                &[".wh.a", "a/", "a/y=2", "b=2", ".wh.b"],
            ],
            "2:a/ 2:a/y=2 2:b=2",
        ),
        (
            "a whiteout after the new content of its directory",
            &[&["a/", "a/x=1", "a/d/", "a/d/z=1"], &["a/", "a/d/", "a/d/y=2", ".wh.a"]],
            "2:a/ 2:a/d/ 2:a/d/y=2",
        ),
        (
            "an opaque directory has only what its layer and those above put there",
            &[
                &["a/", "a/x=1", "a/d/", "a/d/y=1"],
                &["a/", "a/z=2", "a/.wh..wh..opq"],
                &["a/w=3"],
            ],
            "2:a/ 2:a/z=2 3:a/w=3",
        ),
        (
            "types replace one another",
            &[
                &["dir/", "dir/x=1", "file=1", "link->file", "other/"],
                &["dir->other", "file/", "file/y=2", "link/", "link/z=2", "other=2"],
            ],
            "2:file/ 2:link/ 2:dir->other 2:file/y=2 2:link/z=2 2:other=2",
        ),
        (
            "a path below a link of the same layer leads to where the link does",
            &[
                &["usr/", "usr/bin/"],
                &[
                    "bin->usr/bin", "abs->/usr/./bin", "up->../../usr", "to->b/c", "bin/a=2", "abs/b=2", "up/bin/c=2",
                    "usr/bin/d=2", "to/x=2",
                ],
            ],
            "55:b/ 55:b/c/ 1:usr/ 1:usr/bin/ 2:bin->usr/bin 2:abs->/usr/./bin 2:up->../../usr 2:to->b/c 2:usr/bin/a=2 \
             2:usr/bin/b=2 2:usr/bin/c=2 2:usr/bin/d=2 2:b/c/x=2",
        ),
        (
            "a path below a lower link, or a file, makes a directory of it",
            &[&["usr/", "bin->usr", "f=1", "g=1", "h->usr"], &["bin/x=2", "f/y=2", "g/.wh.z", "h/.wh..wh..opq"]],
            "55:bin/ 55:f/ 55:g/ 55:h/ 1:usr/ 2:bin/x=2 2:f/y=2",
        ),
        (
            "missing parents are made, those that are there stay",
            &[&["a/"], &["a/b/x=2"]],
            "1:a/ 55:a/b/ 2:a/b/x=2",
        ),
        (
            "data survives under another name",
            &[
                &["a=1", "b=>a", "c=>b", "d=1"],
                &[".wh.a", "b=2", "e=>d"],
                &[".wh.d"],
            ],
            "1:c=1 2:e=1 2:b=2",
        ),
        (
            "further names are links to the first",
            &[
                &["z=1", "m=>z", "dir/", "sym->dir", "dir/f=1", "g=>sym/f"],
                &["a=>z", "s=>sym"],
            ],
            "1:dir/ 2:a=1 1:s->dir 1:g=1 2:m=>a 2:z=>a 1:sym=>s 1:dir/f=>g",
        ),
        (
            "what is about the layer itself is left out",
            &[&[".wh..wh.plnk/", ".wh..wh.plnk/1.2=1", ".wh..wh.aufs=1", "a=1"]],
            "1:a=1",
        ),
        (
            "absolute names are taken for relative ones",
            &[&["/", "/a=1", "/b=>/a", "c=>a"], &["/.wh.b"]],
            "1:./ 1:a=1 1:c=>a",
        ),
        ("there may be nothing", &[&["a=1"], &[".wh.a"]], ""),
        ("there may be no layer", &[], ""),
    ];
    for (name, layers, expected) in cases {
        let tars: Vec<_> = (1..)
            .zip(*layers)
            .map(|(number, members)| tar(number, members))
            .collect();
        assert_eq!(listing(&flattened(&tars).unwrap()), *expected, "{name}");
    }
}

#[test]
fn what_cannot_be_applied_is_named_with_its_layer() {
    let cases: &[(&[&str], &str)] = &[
        (
            &["a/.wh.."],
            "`a/.wh..` that is a whiteout of a directory that it is in",
        ),
        (
            &["a/.wh..."],
            "`a/.wh...` that is a whiteout of a directory",
        ),
        (&[".wh."], "`.wh.` that is a whiteout of a directory"),
        (
            &["a=>b"],
            "`a` that is a hard link to what is not in the image",
        ),
        (
            &["d/", "a=>d"],
            "`a` that is a hard link to what is not in the image, or is a directory",
        ),
        (&["a=>."], "`a` that is a hard link to the root"),
        (
            &["a->b", "b->a", "a/x=1"],
            "`a/x` that is below symbolic links that lead in a circle",
        ),
        (&["./->a"], "`./` that is the root but no directory"),
    ];
    for (members, expected) in cases {
        let error = flattened(&[tar(1, members)]).unwrap_err().to_string();
        assert!(error.contains("0.tar` has a member"), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    let deep = format!("{}x=1", "d/".repeat(2049));
    let error = flattened(&[tar(1, &[&deep])]).unwrap_err().to_string();
    assert!(
        error.contains("more directories than a path can have"),
        "{error}"
    );
}

#[test]
fn owners_devices_and_attributes_stay() {
    let member = |name: &str, kind| Member {
        name: name.as_bytes().to_vec(),
        kind,
        mode: 0o4755,
        uid: 3_000_000,
        gid: 7,
        mtime: -5,
        xattrs: vec![(b"security.capability".to_vec(), vec![1, 0, 2])],
    };
    let members = [
        member("dir/", Kind::Directory),
        member("device", Kind::CharacterDevice { major: 5, minor: 1 }),
        member("file", Kind::File { size: 0 }),
        member("pipe", Kind::Fifo),
    ];
    let mut bytes: Vec<u8> = members.iter().flat_map(archive::header).collect();
    bytes.extend(archive::end_of_archive());
    // A hard link tells its attributes to what it leads to; what it does not repeat of the extended ones stays.
    let mut upper = archive::header(&Member {
        mode: 0o600,
        xattrs: Vec::new(),
        ..member(
            "link",
            Kind::HardLink {
                target: b"file".to_vec(),
            },
        )
    });
    upper.extend(archive::end_of_archive());
    let flat = flattened(&[bytes, upper]).unwrap();
    let mut reader = archive::Reader::new(std::path::Path::new("flat.tar"), &flat[..]);
    let mut found = Vec::new();
    while let Some((member, _)) = reader.next_member().unwrap() {
        found.push(member);
    }
    assert_eq!(found[..2], members[..2]);
    let changed = Member {
        mode: 0o600,
        ..members[2].clone()
    };
    assert_eq!(found[2], changed);
    assert_eq!(found[3], members[3]);
    assert_eq!(
        found[4].kind,
        Kind::HardLink {
            target: b"file".to_vec()
        }
    );
}
