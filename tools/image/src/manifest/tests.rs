//! Tests of manifests.

use super::*;
use crate::compression::Compression;

fn spec(annotations: &[(&str, &str)]) -> ManifestSpec {
    ManifestSpec {
        label: "//app:image".to_owned(),
        annotations: annotations
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

fn blob(compression: Compression) -> BlobDescription {
    BlobDescription::new(media_type::oci_layer(compression), Content::of(b"blob"))
}

fn assembled(
    spec: &ManifestSpec,
    base: Option<&str>,
    blobs: &[BlobDescription],
) -> Result<Value, Error> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("base.json");
    if let Some(base) = base {
        fs::write(&path, base).unwrap();
    }
    let bytes = assemble(
        spec,
        Content::of(b"{}"),
        base.map(|_| path.as_path()),
        blobs,
    )?;
    Ok(serde_json::from_slice(&bytes).unwrap())
}

#[test]
fn an_image_from_nothing_is_an_oci_image() {
    let manifest = assembled(&spec(&[("a", "b")]), None, &[blob(Compression::Zstd)]).unwrap();
    let keys: Vec<_> = manifest.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        keys,
        [
            "schemaVersion",
            "mediaType",
            "config",
            "layers",
            "annotations"
        ]
    );
    assert_eq!(manifest["mediaType"], media_type::OCI_MANIFEST);
    assert_eq!(manifest["config"]["mediaType"], media_type::OCI_CONFIG);
    assert_eq!(
        manifest["layers"][0]["mediaType"],
        "application/vnd.oci.image.layer.v1.tar+zstd"
    );
}

#[test]
fn a_docker_base_stays_one() {
    let base = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","digest":"{d}","size":1}},"layers":[{{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","digest":"{d}","size":1,"urls":["https://x"]}}],"subject":{{}},"annotations":{{"a":"1","b":"2"}}}}"#,
        media_type::DOCKER_MANIFEST,
        media_type::DOCKER_CONFIG,
        d = Digest::of(b"")
    );
    let blobs = [Compression::Gzip, Compression::None, Compression::Zstd].map(blob);
    let manifest = assembled(&spec(&[("b", "3")]), Some(&base), &blobs).unwrap();
    assert_eq!(manifest["mediaType"], media_type::DOCKER_MANIFEST);
    assert_eq!(manifest["config"]["mediaType"], media_type::DOCKER_CONFIG);
    assert_eq!(manifest["layers"][0]["urls"][0], "https://x");
    let types: Vec<_> = manifest["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["mediaType"].as_str().unwrap())
        .collect();
    assert_eq!(
        types[1..],
        [
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "application/vnd.docker.image.rootfs.diff.tar",
            "application/vnd.oci.image.layer.v1.tar+zstd",
        ]
    );
    assert_eq!(manifest.get("subject"), None);
    assert_eq!(
        manifest["annotations"],
        serde_json::json!({"a": "1", "b": "3"})
    );
}

#[test]
fn another_base_brings_its_layers_type_and_annotations() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, media_type: &str, layer: &str, layers: &[&str], annotations: Value| {
        let layers: Vec<_> = layers
            .iter()
            .map(|name| serde_json::json!({"mediaType": layer, "digest": Digest::of(name.as_bytes()), "size": 1}))
            .collect();
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": media_type,
            "config": {"mediaType": "x", "digest": Digest::of(b""), "size": 1},
            "layers": layers, "annotations": annotations,
        });
        let path = directory.path().join(name);
        fs::write(&path, manifest.to_string()).unwrap();
        path
    };
    let (oci, docker) = (media_type::OCI_MANIFEST, media_type::DOCKER_MANIFEST);
    let oci_layer = media_type::oci_layer(Compression::Gzip);
    let docker_layer = media_type::docker_layer(oci_layer);
    let annotations =
        serde_json::json!({"a": "1", "b": "own", "org.opencontainers.image.base.name": "old"});
    let image = write("image", oci, oci_layer, &["old", "app"], annotations);
    let old = write(
        "old",
        oci,
        oci_layer,
        &["old"],
        serde_json::json!({"a": "1", "b": "2"}),
    );
    let new = write(
        "new",
        docker,
        docker_layer,
        &["new"],
        serde_json::json!({"c": "3"}),
    );
    let bytes = rebase(&image, &old, &new, Content::of(b"{}")).unwrap();
    let manifest: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(manifest["mediaType"], docker);
    assert_eq!(manifest["config"]["digest"], Digest::of(b"{}").to_string());
    assert_eq!(
        manifest["annotations"],
        serde_json::json!({"b": "own", "c": "3"})
    );
    for (layer, name) in manifest["layers"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["new", "app"])
    {
        assert_eq!(layer["digest"], Digest::of(name.as_bytes()).to_string());
        assert_eq!(layer["mediaType"], docker_layer);
    }
    let error = rebase(&old, &image, &new, Content::of(b"{}"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("old"), "{error}");
}

#[test]
fn an_index_is_no_base() {
    let index = format!(
        r#"{{"mediaType":"{}","config":{{"mediaType":"x","digest":"{}","size":0}},"layers":[]}}"#,
        media_type::OCI_INDEX,
        Digest::of(b"")
    );
    for (text, expected) in [(index.as_str(), media_type::OCI_INDEX), ("[]", "base.json")] {
        let error = assembled(&spec(&[]), Some(text), &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}
