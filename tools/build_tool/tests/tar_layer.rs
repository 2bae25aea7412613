//! Tests of `stevedore-build tar-layer`, and of what damaged tars get anywhere.
#![allow(clippy::unwrap_used)]

mod workbench;

use serde_json::json;
use stevedore_image::compression::Compression;
use stevedore_image::digest::Digest;
use workbench::{compressed, gnu_tar, plain, Workbench};

fn arguments(source: &str) -> Vec<String> {
    [
        "tar-layer",
        "--label=//t:layer",
        &format!("--source={source}"),
        "--description=layer.json",
        "--tar=layer.tar",
        "--blob-description=blob.json",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn succeed(bench: &Workbench, source: &str) {
    let arguments = arguments(source);
    bench.succeed(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
}

fn fail(bench: &Workbench, source: &str) -> String {
    let arguments = arguments(source);
    bench.fail(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn good_tar() -> Vec<u8> {
    let link = |header: &mut tar::Header| {
        header.set_entry_type(tar::EntryType::Link);
        header.set_link_name_literal("in/a/lower/layer").unwrap();
    };
    let up = |header: &mut tar::Header| {
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_link_name_literal("../outside").unwrap();
    };
    gnu_tar(&[
        ("./file", &plain, &[7; 3000]),
        ("link", &link, b""),
        ("up", &up, b""),
    ])
}

#[test]
fn a_compressed_tar_is_its_own_blob() {
    let tar = good_tar();
    let cases = [
        ("x.tar.gz", Compression::Gzip),
        ("x.tgz", Compression::Gzip),
        ("x.tar.zst", Compression::Zstd),
        ("x.tzst", Compression::Zstd),
    ];
    for (name, compression) in cases {
        let bench = Workbench::new();
        let blob = compressed(compression, &tar);
        bench.write(name, &blob);
        succeed(&bench, name);
        assert_eq!(bench.read("layer.tar"), tar);
        assert_eq!(
            bench.json("layer.json"),
            json!({"diff_id": Digest::of(&tar), "size": tar.len()})
        );
        assert_eq!(
            bench.json("blob.json"),
            json!({
                "mediaType": format!("application/vnd.oci.image.layer.v1.tar+{compression}"),
                "digest": Digest::of(&blob),
                "size": blob.len(),
            })
        );
        let source = format!("--source={name}");
        bench.succeed(&[
            "tar-layer",
            "--label=//t:layer",
            &source,
            "--blob-description=2.json",
            "--blob=2.blob",
        ]);
        assert_eq!(bench.read("2.blob"), blob);
        assert_eq!(bench.json("2.json"), bench.json("blob.json"));
    }
}

#[test]
fn a_plain_tar_is_taken_as_it_is_and_compressed() {
    let bench = Workbench::new();
    let tar = good_tar();
    bench.write("x.tar", &tar);
    bench.succeed(&[
        "tar-layer",
        "--label=//t:layer",
        "--source=x.tar",
        "--description=layer.json",
        "--blob=blob",
        "--blob-description=blob.json",
        "--compression=zstd",
    ]);
    assert_eq!(
        bench.json("layer.json")["diff_id"],
        Digest::of(&tar).to_string()
    );
    assert_eq!(bench.read("blob"), compressed(Compression::Zstd, &tar));
    assert_eq!(
        bench.json("blob.json")["digest"],
        Digest::of(&bench.read("blob")).to_string()
    );
}

#[test]
fn several_gzip_members_are_one_tar() {
    let bench = Workbench::new();
    let tar = good_tar();
    let (first, second) = tar.split_at(700);
    let mut blob = compressed(Compression::Gzip, first);
    blob.extend(compressed(Compression::Gzip, second));
    bench.write("x.tar.gz", blob);
    succeed(&bench, "x.tar.gz");
    assert_eq!(bench.read("layer.tar"), tar);
}

/// Every damage, and what the message must say of it. The same tars are merged too.
#[test]
fn damaged_tars_are_refused() {
    let tar = good_tar();
    let gzip = compressed(Compression::Gzip, &tar);
    let zstd = compressed(Compression::Zstd, &tar);
    let changed = |bytes: &[u8], index: usize| {
        let mut bytes = bytes.to_vec();
        bytes[index] ^= 0x55;
        bytes
    };
    let followed = |bytes: &[u8], more: &[u8]| [bytes, more].concat();
    let link = |header: &mut tar::Header| {
        header.set_entry_type(tar::EntryType::Link);
        header.set_link_name_literal("../../etc/passwd").unwrap();
    };
    let unknown = |header: &mut tar::Header| header.set_entry_type(tar::EntryType::new(b'M'));
    let end = tar.len() - 1024;
    let cases: [(&str, Vec<u8>, &[&str]); 18] = [
        (
            "cut.tar",
            tar[..1000].to_vec(),
            &["is cut off", "byte 1000", "`./file`", "byte 0"],
        ),
        (
            "noend.tar",
            tar[..end].to_vec(),
            &["is cut off", &format!("byte {end}")],
        ),
        (
            "halfend.tar",
            tar[..end + 512].to_vec(),
            &["is cut off", "two blocks of zeros"],
        ),
        ("partial.tar", tar[..end - 100].to_vec(), &["is cut off"]),
        ("empty.tar", Vec::new(), &["is cut off", "byte 0"]),
        (
            "more.tar",
            followed(&tar, &tar),
            &["goes on after the end", &format!("byte {}", tar.len())],
        ),
        (
            "header.tar",
            changed(&tar, 10),
            &["checksum is wrong", "byte 0"],
        ),
        (
            "text.tar",
            vec![b'x'; 2048],
            &["is not a valid tar", "byte 0"],
        ),
        (
            "up.tar",
            gnu_tar(&[("ok", &plain, b"x"), ("a/../../b", &plain, b"")]),
            &["`a/../../b`", "byte 1024", "`..`"],
        ),
        (
            "absolute.tar",
            gnu_tar(&[("/etc/passwd", &plain, b"")]),
            &["`/etc/passwd`", "absolute"],
        ),
        (
            "link.tar",
            gnu_tar(&[("x", &link, b"")]),
            &["`x`", "hard link target `../../etc/passwd`", "`..`"],
        ),
        (
            "type.tar",
            gnu_tar(&[("x", &unknown, b"")]),
            &["`x`", "type `M`"],
        ),
        (
            "cut.tar.gz",
            gzip[..gzip.len() / 2].to_vec(),
            &["gzip data is corrupt or cut off"],
        ),
        (
            "changed.tar.gz",
            changed(&gzip, gzip.len() - 6),
            &["gzip data is corrupt or cut off"],
        ),
        (
            "more.tar.gz",
            followed(&gzip, b"garbage"),
            &["gzip data is corrupt or cut off"],
        ),
        (
            "cut.tar.zst",
            zstd[..zstd.len() - 5].to_vec(),
            &["zstd data is corrupt or cut off"],
        ),
        (
            "changed.tar.zst",
            changed(&zstd, zstd.len() - 1),
            &["zstd data is corrupt or cut off"],
        ),
        (
            "inner.tar.zst",
            compressed(Compression::Zstd, &tar[..end]),
            &["is cut off"],
        ),
    ];
    for (name, bytes, parts) in cases {
        let bench = Workbench::new();
        bench.write(name, bytes);
        let message = fail(&bench, name);
        let merged = bench.no_layer(json!({}), &[json!({"tar": name, "label": "//t:tar"})]);
        for part in parts.iter().copied().chain([name]) {
            assert!(
                message.contains(part),
                "{name}: `{part}` is not in: {message}"
            );
            assert!(
                merged.contains(part),
                "{name}: `{part}` is not in: {merged}"
            );
        }
        assert!(message.contains("`//t:layer`"), "{message}");
    }
}

#[test]
fn the_suffix_must_tell_the_truth() {
    let tar = good_tar();
    let gzip = compressed(Compression::Gzip, &tar);
    let cases: [(&str, &[u8], &[&str]); 3] = [
        ("x.tar", &gzip, &["`none`", "has `gzip`", "`.tar.gz`"]),
        ("x.tzst", &tar, &["`zstd`", "has `none`", "`.tar`"]),
        (
            "x.zip",
            &tar,
            &["`x.zip` is not named like a tar", ".tar.gz"],
        ),
    ];
    for (name, bytes, parts) in cases {
        let bench = Workbench::new();
        bench.write(name, bytes);
        let message = fail(&bench, name);
        for part in parts {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn an_output_that_cannot_be_written_is_named() {
    let bench = Workbench::new();
    bench.write("x.tar", good_tar());
    let message = bench.fail(&[
        "tar-layer",
        "--label=//t:layer",
        "--source=x.tar",
        "--tar=no/such/folder/layer.tar",
    ]);
    assert!(
        message.contains("failed to create `no/such/folder/layer.tar`"),
        "{message}"
    );
}
