//! Archives that are made member by member, so that they can be made wrong.

use std::fs;
use std::io::Write;

use serde_json::{json, Value};
use tar::{Builder, EntryType, Header};

use super::super::*;
use crate::compression::{Compressor, Decompressor};
use crate::layout::blob_name;
use crate::media_type;

/// An archive.
pub(super) struct Archive(Builder<Vec<u8>>);

impl Archive {
    pub(super) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    pub(super) fn file(&mut self, name: &str, bytes: &[u8]) -> &mut Self {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        self.0.append_data(&mut header, name, bytes).unwrap();
        self
    }

    pub(super) fn link(&mut self, kind: EntryType, name: &str, target: &str) -> &mut Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        self.0.append_link(&mut header, name, target).unwrap();
        self
    }

    pub(super) fn json(&mut self, name: &str, value: &Value) -> &mut Self {
        self.file(name, value.to_string().as_bytes())
    }

    /// Adds a blob of a layout, and describes it.
    pub(super) fn blob(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes);
        self.file(&blob_name(digest), bytes);
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    /// Adds the blobs of an image of the architecture and with these layers.
    pub(super) fn image(&mut self, architecture: &str, layers: &[(&str, &[u8])]) -> Value {
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

    pub(super) fn layout(&mut self, manifests: &[Value]) -> &mut Self {
        self.json(MARKER, &json!({"imageLayoutVersion": "1.0.0"}));
        self.json(INDEX, &json!({"schemaVersion": 2, "manifests": manifests}))
    }

    pub(super) fn bytes(&mut self) -> Vec<u8> {
        let builder = std::mem::replace(&mut self.0, Builder::new(Vec::new()));
        builder.into_inner().unwrap()
    }

    pub(super) fn import(&mut self) -> Result<Imported, String> {
        import_bytes(&self.bytes(), &Wanted::default(), Compression::None)
    }

    pub(super) fn import_tag(&mut self, tag: &str) -> Result<Imported, String> {
        import_bytes(&self.bytes(), &named(tag), Compression::None)
    }
}

pub(super) fn named(tag: &str) -> Wanted {
    Wanted {
        tag: Some(tag.to_owned()),
        platform: None,
    }
}

pub(super) fn for_platform(platform: &str) -> Wanted {
    Wanted {
        tag: None,
        platform: Some(platform.parse().unwrap()),
    }
}

/// Imports an archive, and checks that the layout has the same image, and nothing else is left beside it.
pub(super) fn import_bytes(
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

pub(super) fn config(architecture: &str, tars: &[Vec<u8>]) -> Vec<u8> {
    let diff_ids: Vec<Digest> = tars.iter().map(|tar| Digest::of(tar)).collect();
    let config = json!({
        "architecture": architecture, "config": {"Healthcheck": {"Test": ["NONE"]}},
        "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    config.to_string().into_bytes()
}

pub(super) fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(compression, Vec::new()).unwrap();
    compressor.write_all(bytes).unwrap();
    compressor.finish().unwrap()
}

/// What a blob decompresses to, also if it is more than an import takes.
pub(super) fn plain(blob: &[u8]) -> Vec<u8> {
    if Compression::sniff(blob) == Compression::Zstd {
        return zstd::decode_all(blob).unwrap();
    }
    let mut tar = Vec::new();
    let mut reader = Decompressor::new(blob).unwrap();
    std::io::Read::read_to_end(&mut reader, &mut tar).unwrap();
    tar
}

/// A layer with one file.
pub(super) fn layer(name: &str) -> Vec<u8> {
    Archive::new().file(name, name.as_bytes()).bytes()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    Digest::of(bytes).hex()
}

pub(super) const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
pub(super) const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
