//! Tests of prebuilt tars that become part of a layer.
#![allow(clippy::unwrap_used)]

mod workbench;

use serde_json::json;
use stevedore_image::compression::Compression;
use workbench::{assert_contains, compressed, content, file, gnu_tar, place, plain, Workbench};

#[test]
fn tars_are_merged_with_their_own_metadata() {
    let directory = |header: &mut tar::Header| {
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o750);
    };
    let device = |header: &mut tar::Header| {
        header.set_entry_type(tar::EntryType::Char);
        header.set_device_major(1).unwrap();
        header.set_device_minor(3).unwrap();
    };
    let link = |header: &mut tar::Header| {
        header.set_entry_type(tar::EntryType::Link);
        header.set_link_name_literal("./z/file").unwrap();
    };
    let setuid = |header: &mut tar::Header| header.set_mode(0o4755);
    let first = gnu_tar(&[
        ("./", &directory, b""),
        ("./z/", &directory, b""),
        ("./z/file", &setuid, b"first"),
        ("./a", &link, b""),
        ("./dev", &device, b""),
    ]);
    let second = gnu_tar(&[
        ("z/", &directory, b""),
        ("z/more", &plain, b"old"),
        ("z/more", &plain, b"new"),
    ]);
    let third = gnu_tar(&[("third", &plain, b"3")]);
    let bench = Workbench::new();
    bench.write("first.tar", first);
    bench.write("second.tar.gz", compressed(Compression::Gzip, &second));
    bench.write("third.tar.zst", compressed(Compression::Zstd, &third));
    bench.write("own", "own");
    let listing = bench.layer(
        json!({"owner": "1:1", "mode": "0600", "metadata": [["/third", {"owner": "3:3"}], ["/z/file", {"mtime": 4}]]}),
        &[
            json!({"tar": "first.tar", "label": "//t:first"}),
            json!({"tar": "second.tar.gz", "label": "//t:second"}),
            json!({"tar": "third.tar.zst", "label": "//t:third"}),
            place("/z/own"),
            file("own", ""),
            json!({"dir": "/z"}),
        ],
    );
    assert_eq!(
        listing,
        [
            "d 0750 7:8 9 0 ./",
            "c 0640 7:8 9 0 dev",
            "f 0640 3:3 9 1 third",
            "d 0750 7:8 9 0 z/",
            "f 4755 7:8 4 5 z/file",
            "h 4755 7:8 4 0 a -> z/file",
            "f 0640 7:8 9 3 z/more",
            "f 0600 1:1 0 3 z/own",
        ]
    );
    let archive = bench.read("layer.tar");
    assert_eq!(content(&archive, "z/file"), b"first");
    assert_eq!(content(&archive, "z/more"), b"new");
    assert!(!String::from_utf8_lossy(&archive).contains("somebody"));
}

#[test]
fn directories_of_two_tars_must_be_the_same() {
    let mode = |mode: u32| {
        move |header: &mut tar::Header| {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(mode);
        }
    };
    let bench = Workbench::new();
    bench.write("a.tar", gnu_tar(&[("d/", &mode(0o755), b"")]));
    bench.write("b.tar", gnu_tar(&[("d/", &mode(0o700), b"")]));
    let message = bench.no_layer(
        json!({}),
        &[json!({"tar": "a.tar"}), json!({"tar": "b.tar"})],
    );
    assert_contains(
        &message,
        &["`/d`", "a directory (in `a.tar`", "a directory (in `b.tar`"],
    );
}

#[test]
fn extended_attributes_and_sparse_files_are_kept() {
    let mut builder = tar::Builder::new(Vec::new());
    builder
        .append_pax_extensions([
            ("SCHILY.xattr.user.b", &b"2"[..]),
            ("SCHILY.xattr.user.a", b"1"),
            ("atime", b"1.5"),
        ])
        .unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_size(1);
    builder
        .append_data(&mut header, "attributes", &b"x"[..])
        .unwrap();
    // A file of 10,000 bytes with data at 4,096, in the form of pax 1.0.
    builder
        .append_pax_extensions([
            ("GNU.sparse.major", &b"1"[..]),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.name", b"sparse"),
            ("GNU.sparse.realsize", b"10000"),
        ])
        .unwrap();
    let mut stored = b"1\n4096\n3\n".to_vec();
    stored.resize(512, 0);
    stored.extend(b"abc");
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_size(stored.len() as u64);
    builder
        .append_data(&mut header, "GNUSparseFile.0/sparse", &stored[..])
        .unwrap();
    let bench = Workbench::new();
    bench.write("a.tar", builder.into_inner().unwrap());
    let listing = bench.layer(json!({}), &[json!({"tar": "a.tar"})]);
    assert_eq!(
        listing,
        [
            "f 0644 0:0 0 1 attributes SCHILY.xattr.user.a=1 SCHILY.xattr.user.b=2",
            "f 0644 0:0 0 10000 sparse",
        ]
    );
    let mut expected = vec![0; 10_000];
    expected[4096..4099].copy_from_slice(b"abc");
    assert_eq!(content(&bench.read("layer.tar"), "sparse"), expected);
}

#[test]
fn a_hard_link_into_another_layer_is_kept_and_one_in_a_circle_is_not() {
    let to = |target: &'static str| {
        move |header: &mut tar::Header| {
            header.set_entry_type(tar::EntryType::Link);
            header.set_link_name_literal(target).unwrap();
        }
    };
    let bench = Workbench::new();
    bench.write("a.tar", gnu_tar(&[("a", &to("lower"), b"")]));
    let listing = bench.layer(json!({}), &[json!({"tar": "a.tar"})]);
    assert_eq!(listing, ["h 0640 7:8 9 0 a -> lower"]);
    bench.write(
        "a.tar",
        gnu_tar(&[("a", &to("b"), b""), ("b", &to("a"), b"")]),
    );
    let message = bench.no_layer(json!({}), &[json!({"tar": "a.tar"})]);
    assert_contains(&message, &["`/a`", "`a.tar`", "leads back to it"]);
}
