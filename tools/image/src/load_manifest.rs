//! The manifest under which an image is loaded where its ID is the manifest's digest, or blobs are known by theirs.
//!
//! A load never compresses, so this is not the manifest under which the image is pushed: a layer that came with the
//! base keeps the blob that it has in the base's layout, and a layer that was built here is its uncompressed tar. Hence
//! the manifest, and with it the image's ID, follows from the description alone.

use serde::Serialize;

use crate::compression::Compression;
use crate::description::{BlobDescription, ImageDescription, LayerDescription};
use crate::digest::Content;
use crate::error::Error;
use crate::json;
use crate::media_type;

/// An OCI manifest for loading an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadManifest {
    config: BlobDescription,
    layers: Vec<BlobDescription>,
    bytes: Vec<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: u32,
    media_type: &'a str,
    config: &'a BlobDescription,
    layers: &'a [BlobDescription],
}

impl LoadManifest {
    /// The manifest with every layer's blob as it can be had without work: [`blob`].
    ///
    /// # Errors
    /// None that input can cause: only if the manifest has no JSON form.
    pub fn of_blobs(image: &ImageDescription) -> Result<Self, Error> {
        Self::new(image, image.layers.iter().map(blob).collect())
    }

    /// The manifest with every layer as its uncompressed tar, for destinations that know layers by their `diff_id`.
    ///
    /// # Errors
    /// None that input can cause: only if the manifest has no JSON form.
    pub fn of_tars(image: &ImageDescription) -> Result<Self, Error> {
        Self::new(image, image.layers.iter().map(tar).collect())
    }

    /// The manifest with these blobs, one for each layer from the bottom up, as a destination may have them already.
    ///
    /// # Errors
    /// None that input can cause: only if the manifest has no JSON form.
    pub fn new(image: &ImageDescription, layers: Vec<BlobDescription>) -> Result<Self, Error> {
        let config = BlobDescription::new(media_type::OCI_CONFIG, image.config.content());
        let bytes = json::to_bytes(&Document {
            schema_version: 2,
            media_type: media_type::OCI_MANIFEST,
            config: &config,
            layers: &layers,
        })?;
        Ok(Self {
            config,
            layers,
            bytes,
        })
    }

    /// The config.
    pub fn config(&self) -> &BlobDescription {
        &self.config
    }

    /// The layers' blobs, the bottom one first.
    pub fn layers(&self) -> &[BlobDescription] {
        &self.layers
    }

    /// The manifest's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The manifest itself, as a blob. Its digest is the image's ID where that is the manifest's digest.
    pub fn descriptor(&self) -> BlobDescription {
        BlobDescription::new(media_type::OCI_MANIFEST, Content::of(&self.bytes))
    }
}

/// A layer's blob as it can be had without work: as it lies in the base's layout, or else the uncompressed tar.
pub fn blob(layer: &LayerDescription) -> BlobDescription {
    match &layer.blob {
        Some(blob) => BlobDescription::new(
            media_type::oci_from_docker_layer(&blob.media_type),
            blob.content(),
        ),
        None => tar(layer),
    }
}

/// A layer's uncompressed tar, as a blob. Where nobody knows its size, that of the blob stands for it: such a tar can be
/// asked for by its digest, not sent.
pub fn tar(layer: &LayerDescription) -> BlobDescription {
    let of_blob = layer.blob.as_ref().map(|blob| blob.size);
    BlobDescription {
        media_type: media_type::oci_layer(Compression::None).to_owned(),
        digest: layer.diff_id,
        size: layer.size.or(of_blob).unwrap_or_default(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::description::Platform;
    use crate::digest::Digest;

    const DOCKER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

    fn image() -> ImageDescription {
        let mut base = LayerDescription::new(Content::of(b"base"));
        base.blob = Some(BlobDescription::new(
            DOCKER_GZIP,
            Content::of(b"compressed"),
        ));
        ImageDescription {
            config: BlobDescription::new(media_type::DOCKER_CONFIG, Content::of(b"{}")),
            platform: Platform {
                os: "linux".to_owned(),
                architecture: "amd64".to_owned(),
                variant: None,
            },
            layers: vec![base, LayerDescription::new(Content::of(b"app"))],
        }
    }

    #[test]
    fn a_base_keeps_its_blobs_and_what_was_built_here_is_a_tar() {
        let manifest = LoadManifest::of_blobs(&image()).unwrap();
        let expected = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":2}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{}","size":10}},{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":3}}]}}"#,
            Digest::of(b"{}"),
            Digest::of(b"compressed"),
            Digest::of(b"app"),
        );
        assert_eq!(String::from_utf8_lossy(manifest.bytes()), expected);
        assert_eq!(
            manifest.descriptor().content(),
            Content::of(expected.as_bytes())
        );
    }

    #[test]
    fn every_layer_may_be_a_tar_or_a_blob_that_is_elsewhere() {
        let tars = LoadManifest::of_tars(&image()).unwrap();
        let digests: Vec<Digest> = tars.layers().iter().map(|blob| blob.digest).collect();
        assert_eq!(digests, [Digest::of(b"base"), Digest::of(b"app")]);
        let mut layers = tars.layers().to_vec();
        layers[1] = BlobDescription::new("x", Content::of(b"elsewhere"));
        let other = LoadManifest::new(&image(), layers.clone()).unwrap();
        assert_eq!(other.layers(), layers);
        assert_ne!(other.descriptor(), tars.descriptor());
    }
}
