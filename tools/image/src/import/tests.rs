//! Tests of layouts that are imported: what was written can be, and what is damaged cannot.

use std::io::Write;

use serde_json::{json, Value};

use std::fs;

use super::*;
use crate::compression::Compressor;
use crate::image_files::ImageFiles;
use crate::layout::{blob_name, write, Layout};
use crate::media_type;

/// A layout that is made blob by blob, so that it can be made wrong.
struct Fixture {
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("blobs/sha256")).unwrap();
        let fixture = Self { directory };
        fixture.write(MARKER, &json!({"imageLayoutVersion": "1.0.0"}));
        fixture
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, name: &str, value: &Value) {
        fs::write(self.path().join(name), value.to_string()).unwrap();
    }

    fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes);
        fs::write(self.path().join(blob_name(digest)), bytes).unwrap();
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    /// An image with layers of these contents; `family` are the media types of manifest and config.
    fn image(&self, family: (&str, &str), layers: &[(Compression, &[u8])]) -> Value {
        let mut blobs = Vec::new();
        let mut diff_ids = Vec::new();
        for (compression, tar) in layers {
            let mut compressor = Compressor::new(*compression, Vec::new()).unwrap();
            compressor.write_all(tar).unwrap();
            let blob = compressor.finish().unwrap();
            blobs.push(self.blob(media_type::oci_layer(*compression), &blob));
            diff_ids.push(Digest::of(tar));
        }
        let config = json!({
            "os": "linux", "architecture": "amd64",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        self.image_of(family, &config, &blobs)
    }

    fn image_of(&self, family: (&str, &str), config: &Value, layers: &[Value]) -> Value {
        let config = self.blob(family.1, config.to_string().as_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": family.0, "config": config, "layers": layers,
        });
        self.blob(family.0, manifest.to_string().as_bytes())
    }

    fn index(&self, manifests: &[Value]) {
        self.write(INDEX, &json!({"schemaVersion": 2, "manifests": manifests}));
    }

    fn import(&self) -> Result<Imported, Error> {
        import_layout(self.path(), &Wanted::default())
    }

    fn error(&self) -> String {
        let error = self.import().unwrap_err();
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text.push_str(&format!(" | {error}"));
            cause = error.source();
        }
        text
    }
}

const OCI: (&str, &str) = (media_type::OCI_MANIFEST, media_type::OCI_CONFIG);
const DOCKER: (&str, &str) = (media_type::DOCKER_MANIFEST, media_type::DOCKER_CONFIG);

#[test]
fn an_image_of_either_family_is_imported() {
    let layers: [(Compression, &[u8]); 4] = [
        (Compression::Gzip, b"one"),
        (Compression::Zstd, b"two"),
        (Compression::None, b"three"),
        (Compression::Gzip, b"one"),
    ];
    for family in [OCI, DOCKER] {
        let fixture = Fixture::new();
        fixture.index(&[fixture.image(family, &layers)]);
        let imported = fixture.import().unwrap();
        let description = imported.description;
        assert_eq!(description.config.media_type, family.1);
        assert_eq!(description.platform.to_string(), "linux/amd64");
        assert_eq!(description.config.content(), Content::of(&imported.config));
        for (layer, (_, tar)) in description.layers.iter().zip(layers) {
            assert_eq!(layer.tar(), Some(Content::of(tar)));
            assert!(layer.blob.is_some());
        }
    }
}

#[test]
fn an_image_without_layers_and_an_index_of_one_are_legal() {
    let fixture = Fixture::new();
    let image = fixture.image(OCI, &[]);
    let mut attestation = image.clone();
    attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let index = json!({"manifests": [image, attestation]});
    let index = fixture.blob(media_type::OCI_INDEX, index.to_string().as_bytes());
    fixture.index(&[index]);
    assert!(fixture.import().unwrap().description.layers.is_empty());
}

#[cfg(unix)]
#[test]
fn blobs_may_be_symlinks_that_leave_the_layout() {
    let fixture = Fixture::new();
    fixture.index(&[fixture.image(OCI, &[(Compression::Gzip, b"tar")])]);
    let elsewhere = tempfile::tempdir().unwrap();
    for (number, entry) in fs::read_dir(fixture.path().join("blobs/sha256"))
        .unwrap()
        .enumerate()
    {
        let path = entry.unwrap().path();
        let target = elsewhere.path().join(number.to_string());
        fs::rename(&path, &target).unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
    }
    fixture.import().unwrap();
}

#[test]
fn a_written_layout_is_imported_as_the_same_image() {
    let fixture = Fixture::new();
    let layers: [(Compression, &[u8]); 3] = [
        (Compression::Gzip, b"base"),
        (Compression::Zstd, b"same"),
        (Compression::Zstd, b"same"),
    ];
    fixture.index(&[fixture.image(OCI, &layers)]);
    let imported = fixture.import().unwrap();
    let work = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = work.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let config = file("config.json", &imported.config);
    let manifest = file("manifest.json", &imported.manifest);
    let layout = Layout::open(fixture.path()).unwrap();
    let top = imported.description.layers[2].blob.clone().unwrap();
    let mut files = ImageFiles::load(&config)
        .unwrap()
        .with_manifest(&manifest)
        .unwrap();
    files.base_layout = Some(fixture.path().to_owned());
    files.blobs = vec![layout.blob_path(top.digest)];
    let output = work.path().join("layout");
    write(&files, &output).unwrap();
    let again = import_layout(&output, &Wanted::default()).unwrap();
    assert_eq!(again.description, imported.description);
    assert_eq!(again.manifest, imported.manifest);
    let index: Value = json::load(&output.join(INDEX)).unwrap();
    assert_eq!(
        index["manifests"][0]["platform"],
        json!({"os": "linux", "architecture": "amd64"})
    );

    files.base_layout = None;
    let error = write(&files, &work.path().join("other")).unwrap_err();
    assert!(
        matches!(error, Error::NoBaseLayout { missing: 2 }),
        "{error}"
    );
    assert!(!work.path().join("other").exists());
}

#[test]
fn what_is_damaged_is_named() {
    let good: [(Compression, &[u8]); 2] =
        [(Compression::Gzip, b"one"), (Compression::Gzip, b"two")];
    let diff_ids = json!([Digest::of(b"one"), Digest::of(b"two")]);
    let blobs = |fixture: &Fixture| {
        let manifest = fixture.image(OCI, &good);
        let digest: Digest = manifest["digest"].as_str().unwrap().parse().unwrap();
        let manifest: Value = json::load(&fixture.path().join(blob_name(digest))).unwrap();
        manifest["layers"].as_array().unwrap().clone()
    };
    let layer_file = |fixture: &Fixture| {
        let digest = blobs(fixture)[1]["digest"].as_str().unwrap().to_owned();
        fixture.path().join(blob_name(digest.parse().unwrap()))
    };
    let config =
        |ids: &Value| json!({"os": "linux", "architecture": "x", "rootfs": {"diff_ids": ids}});

    let fixture = Fixture::new();
    fixture.index(&[fixture.image(OCI, &good)]);
    fixture.import().unwrap();

    let layer = layer_file(&fixture);
    let bytes = fs::read(&layer).unwrap();
    let mut altered = bytes.clone();
    altered[12] ^= 1;
    fs::write(&layer, &altered).unwrap();
    assert!(fixture
        .error()
        .contains("(layer 1) is not what it is described as"));
    fs::write(&layer, &bytes[..bytes.len() - 1]).unwrap();
    assert!(fixture
        .error()
        .contains("(layer 1) is not what it is described as"));
    fs::remove_file(&layer).unwrap();
    assert!(
        fixture.error().contains("(layer 1) is missing"),
        "{}",
        fixture.error()
    );

    let fixture = Fixture::new();
    let swapped = json!([diff_ids[1], diff_ids[0]]);
    fixture.index(&[fixture.image_of(OCI, &config(&swapped), &blobs(&fixture))]);
    assert!(
        fixture
            .error()
            .contains("(layer 0) has the uncompressed digest"),
        "{}",
        fixture.error()
    );

    let fixture = Fixture::new();
    fixture.index(&[fixture.image_of(OCI, &config(&json!([])), &blobs(&fixture))]);
    assert!(
        fixture.error().contains("has 2 layers"),
        "{}",
        fixture.error()
    );

    let fixture = Fixture::new();
    fixture.index(&[fixture.image_of(OCI, &json!({"os": 1}), &[])]);
    assert!(
        fixture.error().contains("expected a string at line 1"),
        "{}",
        fixture.error()
    );

    let fixture = Fixture::new();
    let corrupt = fixture.blob(media_type::oci_layer(Compression::Gzip), &bytes[..12]);
    let ids = json!([Digest::of(b"two")]);
    fixture.index(&[fixture.image_of(OCI, &config(&ids), &[corrupt])]);
    assert!(
        fixture.error().contains("gzip data is corrupt or cut off"),
        "{}",
        fixture.error()
    );
}

#[test]
fn an_index_with_none_or_several_images_is_refused() {
    let fixture = Fixture::new();
    fixture.index(&[]);
    assert!(
        fixture.error().contains("has no image"),
        "{}",
        fixture.error()
    );
    let mut one = fixture.image(OCI, &[]);
    one["platform"] = json!({"os": "linux", "architecture": "arm64", "variant": "v8"});
    let other = fixture.image(OCI, &[(Compression::None, b"one")]);
    fixture.index(&[one.clone(), other]);
    let expected = "2 images (linux/arm64/v8; linux/amd64)";
    assert!(fixture.error().contains(expected), "{}", fixture.error());
    one["mediaType"] = "application/vnd.docker.distribution.manifest.v1+prettyjws".into();
    fixture.index(&[one]);
    assert!(
        fixture.error().contains("v1+prettyjws"),
        "{}",
        fixture.error()
    );
}

#[test]
fn a_layout_of_another_version_or_none_is_refused() {
    let fixture = Fixture::new();
    fixture.write(MARKER, &json!({"imageLayoutVersion": "2.0.0"}));
    assert!(fixture.error().contains("`2.0.0`"), "{}", fixture.error());
    fixture.write(MARKER, &json!([]));
    assert!(
        fixture.error().contains("oci-layout"),
        "{}",
        fixture.error()
    );
    fs::remove_file(fixture.path().join(MARKER)).unwrap();
    assert!(
        fixture.error().contains("oci-layout"),
        "{}",
        fixture.error()
    );
}
