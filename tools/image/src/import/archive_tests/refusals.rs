//! Archives that are refused, and what is said of them.

use serde_json::json;
use tar::{Builder, EntryType, Header};

use super::super::*;
use super::fixture::*;
use super::old_docker;
use crate::media_type;

/// The message for a layer in an archive of a layout.
fn layer_error(media_type: &str, blob: &[u8]) -> String {
    let mut archive = Archive::new();
    let image = archive.image("amd64", &[(media_type, blob)]);
    archive.layout(&[image]).import().unwrap_err()
}

#[test]
fn layers_that_no_engine_would_take_are_refused() {
    let gzip = compress(Compression::Gzip, &layer("one"));
    for media_type in [
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        GZIP,
    ] {
        let mut archive = Archive::new();
        let image = archive.image("amd64", &[(media_type, &gzip)]);
        archive.layout(&[image]).import().unwrap();
    }
    let error = layer_error(
        "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
        &gzip,
    );
    assert!(error.contains("has an encrypted layer (layer 0"), "{error}");
    let error = layer_error("application/vnd.cncf.helm.chart.content.v1.tar+gzip", &gzip);
    assert!(
        error.contains("media type `application/vnd.cncf.helm"),
        "{error}"
    );

    let mut tar = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..10].copy_from_slice(b"../.wh.etc");
    header.set_size(0);
    header.set_cksum();
    tar.append(&header, &b""[..]).unwrap();
    let tar = tar.into_inner().unwrap();
    for (media_type, blob) in [
        (TAR, tar.clone()),
        (GZIP, compress(Compression::Gzip, &tar)),
    ] {
        let error = layer_error(media_type, &blob);
        assert!(
            error.contains("(layer 0) has a member `../.wh.etc` that leads out"),
            "{error}"
        );
    }

    let bomb = compress(Compression::Zstd, &vec![0; 5 << 20]);
    let error = layer_error("application/vnd.oci.image.layer.v1.tar+zstd", &bomb);
    assert!(error.contains("zstd data becomes more than"), "{error}");
    let bytes = compress(Compression::Zstd, &vec![0; 5 << 20]);
    let error = import_bytes(&bytes, &Wanted::default(), Compression::None).unwrap_err();
    assert!(error.contains("zstd data becomes more than"), "{error}");
}

#[test]
fn a_foreign_layer_without_bytes_is_refused() {
    let mut archive = Archive::new();
    let config = archive.blob(media_type::OCI_CONFIG, &config("amd64", &[layer("one")]));
    let foreign = json!({"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "digest": Digest::of(b"x"), "size": 1, "urls": ["https://x"]});
    let manifest = json!({"config": config, "layers": [foreign]});
    let image = archive.blob(media_type::OCI_MANIFEST, manifest.to_string().as_bytes());
    let error = archive.layout(&[image]).import().unwrap_err();
    assert!(error.contains("has a foreign layer (layer 0"), "{error}");
}

#[test]
fn a_manifest_of_schema_1_is_refused() {
    let mut archive = Archive::new();
    let manifest = json!({"schemaVersion": 1, "name": "app", "fsLayers": [], "history": []});
    let image = archive.blob(media_type::DOCKER_MANIFEST, manifest.to_string().as_bytes());
    let error = archive.layout(&[image]).import().unwrap_err();
    assert!(error.contains("schema 1"), "{error}");
}

#[test]
fn what_is_no_archive_of_an_image_is_refused() {
    let tar = layer("one");
    let good = config("amd64", std::slice::from_ref(&tar));
    let item =
        |config: &str| json!([{"Config": config, "RepoTags": null, "Layers": ["x/layer.tar"]}]);
    let docker = |config_name: &str| {
        let mut archive = Archive::new();
        archive
            .file(config_name, &good)
            .json("manifest.json", &item(config_name));
        archive
    };
    let wrong_id = format!("{}.json", hex(b"other"));
    let cases: [(Vec<u8>, &str); 9] = [
        (Archive::new().bytes(), "it has nothing"),
        (
            Archive::new().file("etc/passwd", b"").bytes(),
            "not an archive of images",
        ),
        (
            Archive::new().json("repositories", &json!({})).bytes(),
            "Docker before 1.10",
        ),
        (
            Archive::new().json("manifest.json", &json!({})).bytes(),
            "does not have the JSON",
        ),
        (
            Archive::new().json("manifest.json", &json!([])).bytes(),
            "has no image",
        ),
        (
            Archive::new()
                .json("manifest.json", &item("c.json"))
                .bytes(),
            "c.json` (the image config) is missing",
        ),
        (
            docker("c.json").bytes(),
            "x/layer.tar` (layer 0) is missing",
        ),
        (
            docker(&wrong_id).file("x/layer.tar", &tar).bytes(),
            "is not what it is described as",
        ),
        (
            docker("c.json").file("x/layer.tar", b"other").bytes(),
            "(layer 0) has the uncompressed digest",
        ),
    ];
    for (bytes, expected) in cases {
        let error = import_bytes(&bytes, &Wanted::default(), Compression::None).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    let mut links = docker("c.json");
    links.link(EntryType::Symlink, "x/layer.tar", "../y").link(
        EntryType::Symlink,
        "y",
        "x/layer.tar",
    );
    assert!(links.import().unwrap_err().contains("(layer 0) is missing"));
    let mut links = Archive::new();
    links.link(EntryType::Symlink, MARKER, "/sandbox/oci-layout");
    let error = links.import().unwrap_err();
    assert!(
        error.contains("`oci-layout` as a link to `sandbox/oci-layout`"),
        "{error}"
    );
    let (mut archive, _) = old_docker(EntryType::Symlink);
    let bytes = archive.bytes();
    let cut = import_bytes(
        &bytes[..bytes.len() / 2],
        &Wanted::default(),
        Compression::None,
    );
    assert!(cut.unwrap_err().contains("is cut off"));
    let (mut archive, _) = old_docker(EntryType::Symlink);
    assert!(archive
        .import_tag("other")
        .unwrap_err()
        .contains("it has `app:dev`"));
}
