//! Tests of archives that are imported, in the forms that docker, podman, crane and skopeo write.

use std::fs;
use std::io::Write;

use serde_json::{json, Value};
use tar::{Builder, EntryType, Header};

use super::*;
use crate::compression::Compressor;
use crate::layout::blob_name;
use crate::media_type;

/// An archive that is made member by member.
struct Archive(Builder<Vec<u8>>);

impl Archive {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    fn file(&mut self, name: &str, bytes: &[u8]) -> &mut Self {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        self.0.append_data(&mut header, name, bytes).unwrap();
        self
    }

    fn link(&mut self, kind: EntryType, name: &str, target: &str) -> &mut Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        self.0.append_link(&mut header, name, target).unwrap();
        self
    }

    fn json(&mut self, name: &str, value: &Value) -> &mut Self {
        self.file(name, value.to_string().as_bytes())
    }

    /// Adds a blob of a layout, and describes it.
    fn blob(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes);
        self.file(&blob_name(digest), bytes);
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    /// Adds the blobs of an image of the architecture and with these layers.
    fn image(&mut self, architecture: &str, layers: &[(&str, &[u8])]) -> Value {
        let tars = layers.iter().map(|(_, blob)| plain(blob));
        let config = config(architecture, &tars.collect::<Vec<_>>());
        let config = self.blob(media_type::OCI_CONFIG, &config);
        let layers: Vec<Value> = layers
            .iter()
            .map(|(media_type, blob)| self.blob(media_type, blob))
            .collect();
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers});
        self.blob(media_type::OCI_MANIFEST, manifest.to_string().as_bytes())
    }

    fn layout(&mut self, manifests: &[Value]) -> &mut Self {
        self.json(MARKER, &json!({"imageLayoutVersion": "1.0.0"}));
        self.json(INDEX, &json!({"schemaVersion": 2, "manifests": manifests}))
    }

    fn bytes(&mut self) -> Vec<u8> {
        let builder = std::mem::replace(&mut self.0, Builder::new(Vec::new()));
        builder.into_inner().unwrap()
    }

    fn import(&mut self) -> Result<Imported, String> {
        import_bytes(&self.bytes(), &Wanted::default(), Compression::None)
    }

    fn import_tag(&mut self, tag: &str) -> Result<Imported, String> {
        import_bytes(&self.bytes(), &named(tag), Compression::None)
    }
}

fn named(tag: &str) -> Wanted {
    Wanted {
        tag: Some(tag.to_owned()),
        platform: None,
    }
}

fn for_platform(platform: &str) -> Wanted {
    Wanted {
        tag: None,
        platform: Some(platform.parse().unwrap()),
    }
}

/// Imports an archive, and checks that the layout has the same image, and nothing else is left beside it.
fn import_bytes(
    bytes: &[u8],
    wanted: &Wanted,
    compression: Compression,
) -> Result<Imported, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("archive");
    let output = directory.path().join("layout");
    fs::write(&path, bytes).unwrap();
    let result = import_archive(&path, wanted, compression, &output);
    let left = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(left, if result.is_ok() { 2 } else { 1 });
    let imported = result.map_err(|error| {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text.push_str(&format!(" | {error}"));
            cause = error.source();
        }
        text
    })?;
    let again = import_layout(&output, &Wanted::default()).unwrap();
    assert_eq!(again.description, imported.description);
    assert_eq!(again.manifest, imported.manifest);
    assert_eq!(again.config, imported.config);
    let blobs = fs::read_dir(output.join("blobs/sha256")).unwrap();
    for blob in blobs.map(Result::unwrap) {
        let digest = Digest::of(&fs::read(blob.path()).unwrap());
        assert_eq!(blob.file_name().to_string_lossy(), digest.hex());
    }
    Ok(imported)
}

fn config(architecture: &str, tars: &[Vec<u8>]) -> Vec<u8> {
    let diff_ids: Vec<Digest> = tars.iter().map(|tar| Digest::of(tar)).collect();
    let config = json!({
        "architecture": architecture, "config": {"Healthcheck": {"Test": ["NONE"]}},
        "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    config.to_string().into_bytes()
}

fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(compression, Vec::new()).unwrap();
    compressor.write_all(bytes).unwrap();
    compressor.finish().unwrap()
}

fn plain(blob: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    let mut reader = crate::compression::Decompressor::new(blob).unwrap();
    std::io::Read::read_to_end(&mut reader, &mut tar).unwrap();
    tar
}

/// A layer with one file.
fn layer(name: &str) -> Vec<u8> {
    Archive::new().file(name, name.as_bytes()).bytes()
}

fn hex(bytes: &[u8]) -> String {
    Digest::of(bytes).hex()
}

const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

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
            assert_eq!(
                layer.tar(),
                Some(Content::of(&super::archive_tests::layer("one")))
            );
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
    assert!(error.contains("decompresses to more than"), "{error}");
    let bytes = compress(Compression::Zstd, &vec![0; 5 << 20]);
    let error = import_bytes(&bytes, &Wanted::default(), Compression::None).unwrap_err();
    assert!(error.contains("(the archive) has"), "{error}");
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
