//! Tests of archives that are imported, in the forms that docker, podman, crane and skopeo write.

mod fixture;
mod refusals;

use serde_json::json;
use tar::EntryType;

use super::*;
use crate::media_type;
use fixture::*;

/// What Docker before 25 writes: a layer that occurs twice is a link the second time.
fn old_docker(link: EntryType) -> (Archive, Vec<u8>) {
    let tars = [layer("one"), layer("two"), layer("one")];
    let config = config("amd64", &tars);
    let mut archive = Archive::new();
    for (id, tar) in [("aaa", &tars[0]), ("bbb", &tars[1])] {
        archive
            .file(&format!("{id}/VERSION"), b"1.0")
            .json(&format!("{id}/json"), &json!({"id": id}))
            .file(&format!("{id}/layer.tar"), tar);
    }
    let target = match link {
        EntryType::Symlink => "../aaa/layer.tar",
        _ => "aaa/layer.tar",
    };
    archive.link(link, "ccc/layer.tar", target);
    let name = format!("{}.json", hex(&config));
    archive.file(&name, &config);
    archive.json(
        "manifest.json",
        &json!([{"Config": name, "RepoTags": ["app:dev"],
            "Layers": ["aaa/layer.tar", "bbb/layer.tar", "ccc/layer.tar"]}]),
    );
    archive.json("repositories", &json!({"app": {"dev": "ccc"}}));
    (archive, config)
}

#[test]
fn an_archive_of_old_dockers_keeps_its_config() {
    for link in [EntryType::Symlink, EntryType::Link] {
        let (mut archive, config) = old_docker(link);
        let imported = archive.import().unwrap();
        assert_eq!(imported.config, config);
        let layers = &imported.description.layers;
        assert_eq!(layers.len(), 3);
        assert_eq!(layers[0], layers[2]);
        assert_eq!(layers[1].tar(), Some(Content::of(&layer("two"))));
        let blob = layers[1].blob.as_ref().unwrap();
        assert_eq!(
            (blob.media_type.as_str(), Some(blob.content())),
            (TAR, layers[1].tar())
        );
    }
}

#[test]
fn an_archive_may_be_compressed_as_a_whole() {
    let (mut archive, _) = old_docker(EntryType::Symlink);
    let bytes = archive.bytes();
    let expected = import_bytes(&bytes, &Wanted::default(), Compression::None).unwrap();
    for compression in [Compression::Gzip, Compression::Zstd] {
        let compressed = compress(compression, &bytes);
        let imported = import_bytes(&compressed, &named("app:dev"), Compression::None).unwrap();
        assert_eq!(imported.manifest, expected.manifest);
        let cut = &compressed[..compressed.len() - 20];
        let error = import_bytes(cut, &Wanted::default(), Compression::None).unwrap_err();
        assert!(error.contains("data is corrupt or cut off"), "{error}");
    }
}

#[test]
fn an_archive_of_new_dockers_is_a_layout() {
    let mut archive = Archive::new();
    let mut one = archive.image("amd64", &[(TAR, &layer("one")), (TAR, &layer("two"))]);
    let manifest = one["digest"].clone();
    one["annotations"] = json!({"io.containerd.image.name": "docker.io/library/app:dev",
        "org.opencontainers.image.ref.name": "dev"});
    let mut again = one.clone();
    again["annotations"] = json!({"io.containerd.image.name": "docker.io/library/app:two",
        "org.opencontainers.image.ref.name": "two"});
    let mut other = archive.image("amd64", &[(TAR, &layer("one"))]);
    other["annotations"] = json!({"io.containerd.image.name": "docker.io/library/other:1"});
    archive
        .json("manifest.json", &json!([]))
        .layout(&[one, again, other]);
    let bytes = archive.bytes();
    for tag in ["app:dev", "docker.io/app:two", "two"] {
        let imported = import_bytes(&bytes, &named(tag), Compression::None).unwrap();
        assert_eq!(json!(Digest::of(&imported.manifest)), manifest, "{tag}");
    }
    let wanted = for_platform("linux/amd64");
    let error = import_bytes(&bytes, &wanted, Compression::None).unwrap_err();
    assert!(
        error.contains("2 images (`docker.io/library/app:dev`, `dev`"),
        "{error}"
    );
    let error = import_bytes(&bytes, &named("app"), Compression::None).unwrap_err();
    assert!(
        error.contains("has no image `app`: it has `docker.io"),
        "{error}"
    );
}

#[test]
fn compressed_layers_stay_as_they_are() {
    let tars = [layer("one"), layer("two")];
    let config = config("arm64", &tars);
    let blobs = tars.clone().map(|tar| compress(Compression::Gzip, &tar));
    let names = blobs.clone().map(|blob| format!("{}.tar.gz", hex(&blob)));
    let config_name = format!("sha256:{}", hex(&config));
    let mut archive = Archive::new();
    archive.file(&config_name, &config);
    archive
        .file(&names[0], &blobs[0])
        .file(&names[1], &blobs[1]);
    let items = json!([{"Config": config_name, "RepoTags": ["r.io/app:1"], "Layers": names}]);
    archive.json("manifest.json", &items);
    let imported = import_bytes(&archive.bytes(), &Wanted::default(), Compression::Zstd).unwrap();
    for (layer, (tar, blob)) in imported
        .description
        .layers
        .iter()
        .zip(tars.iter().zip(&blobs))
    {
        assert_eq!(layer.tar(), Some(Content::of(tar)));
        let description = layer.blob.clone().unwrap();
        assert_eq!(description, BlobDescription::new(GZIP, Content::of(blob)));
    }
    assert_eq!(imported.description.platform.to_string(), "linux/arm64");
}

#[test]
fn plain_layers_are_compressed_on_demand() {
    let (mut docker, _) = old_docker(EntryType::Symlink);
    let mut oci = Archive::new();
    let image = oci.image(
        "amd64",
        &[
            (TAR, &layer("one")),
            (GZIP, &compress(Compression::Gzip, &layer("two"))),
        ],
    );
    oci.layout(&[image]);
    for bytes in [docker.bytes(), oci.bytes()] {
        for compression in [Compression::Gzip, Compression::Zstd] {
            let wanted = Wanted::default();
            let expected = compress(compression, &layer("one"));
            let imported = import_bytes(&bytes, &wanted, compression).unwrap();
            let layer = &imported.description.layers[0];
            let blob = layer.blob.clone().unwrap();
            assert_eq!(layer.tar(), Some(Content::of(&fixture::layer("one"))));
            assert_eq!(blob.content(), Content::of(&expected));
            assert_eq!(blob.media_type, media_type::oci_layer(compression));
        }
    }
}

#[test]
fn one_of_several_images_is_chosen_by_its_name() {
    let mut archive = Archive::new();
    let mut items = Vec::new();
    for (architecture, tags) in [
        ("amd64", json!(["localhost/app:1", "localhost/b:1"])),
        ("arm64", json!(null)),
    ] {
        let tar = layer(architecture);
        let config = config(architecture, std::slice::from_ref(&tar));
        let (config_name, layer_name) = (
            format!("{}.json", hex(&config)),
            format!("{}.tar", hex(&tar)),
        );
        archive.file(&config_name, &config).file(&layer_name, &tar);
        archive.link(
            EntryType::Symlink,
            &format!("{architecture}/layer.tar"),
            &format!("../{layer_name}"),
        );
        items.push(json!({"Config": config_name, "RepoTags": tags, "Layers": [layer_name]}));
    }
    archive.json("manifest.json", &items.into());
    let bytes = archive.bytes();
    let import = |wanted: &Wanted| {
        let imported = import_bytes(&bytes, wanted, Compression::None);
        imported.map(|imported| imported.description.platform.to_string())
    };
    assert_eq!(import(&named("localhost/b:1")).unwrap(), "linux/amd64");
    assert_eq!(
        import(&for_platform("linux/arm64/v8")).unwrap(),
        "linux/arm64"
    );
    let error = import(&Wanted::default()).unwrap_err();
    assert!(
        error
            .contains("2 images (`localhost/app:1`, `localhost/b:1` for linux/amd64; linux/arm64)"),
        "{error}"
    );
    let error = import(&named("app:1")).unwrap_err();
    assert!(error.contains("has no image `app:1`"), "{error}");
    let error = import(&for_platform("linux/s390x")).unwrap_err();
    assert!(
        error.contains("has no image for linux/s390x: it has `localhost/app:1`"),
        "{error}"
    );
}

#[test]
fn an_index_with_images_that_are_not_there_gives_the_one_that_is() {
    let mut archive = Archive::new();
    let gzip = compress(Compression::Gzip, &layer("one"));
    let mut amd64 = archive.image("amd64", &[(GZIP, &gzip)]);
    amd64["platform"] = json!({"os": "linux", "architecture": "amd64"});
    let absent = |architecture: &str| {
        json!({"mediaType": media_type::OCI_MANIFEST, "digest": Digest::of(architecture.as_bytes()),
            "size": 3, "platform": {"os": "linux", "architecture": architecture}})
    };
    let mut attestation = absent("unknown");
    attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let manifests = json!({"manifests": [absent("arm64"), amd64.clone(), attestation]});
    let mut index = archive.blob(media_type::OCI_INDEX, manifests.to_string().as_bytes());
    index["annotations"] = json!({"io.containerd.image.name": "docker.io/library/app:dev"});
    archive.layout(&[index.clone(), index]);
    let bytes = archive.bytes();
    let wanted = Wanted {
        tag: Some("app:dev".to_owned()),
        ..for_platform("linux/amd64")
    };
    let imported = import_bytes(&bytes, &wanted, Compression::None).unwrap();
    assert_eq!(json!(Digest::of(&imported.manifest)), amd64["digest"]);
    let error = import_bytes(&bytes, &for_platform("linux/arm64"), Compression::None).unwrap_err();
    assert!(error.contains("has no image for linux/arm64"), "{error}");
    assert!(
        error.contains("for linux/arm64, which is not there"),
        "{error}"
    );
}

#[test]
fn a_hundred_thousand_members_are_not_too_many() {
    let mut many = Archive::new();
    for number in 0..100_000 {
        many.file(&format!("directory/{number}"), b"");
    }
    let tar = many.bytes();
    let config = config("amd64", std::slice::from_ref(&tar));
    many.file("c.json", &config).file("l.tar", &tar);
    for number in 0..100_000 {
        many.file(&format!("directory/{number}"), b"");
    }
    many.json(
        "manifest.json",
        &json!([{"Config": "c.json", "Layers": ["l.tar"]}]),
    );
    assert_eq!(many.import().unwrap().description.layers.len(), 1);
}
