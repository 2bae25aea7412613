//! Which blobs of an image a containerd content store has.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use stevedore_engine::{BlobInfo, Content, Error, GrpcCode};
use stevedore_image::compression::Compression;
use stevedore_image::description::{BlobDescription, ImageDescription};
use stevedore_image::digest::Digest;
use stevedore_image::load_manifest::LoadManifest;
use stevedore_image::manifest::Manifest;
use stevedore_image::media_type;

/// containerd puts it on the blob of a layer that it has unpacked: the digest of the tar.
const UNCOMPRESSED: &str = "containerd.io/uncompressed";

/// The fewest bytes for which the whole store is searched for the same layers in another compression.
///
/// A search looks at every blob: 30 ms for 4,000 of them, in which 10 MB can be sent. It finds something where an image
/// came by another way than this one, and then it saves a base; layers of a few megabytes are not worth it.
const WORTH_A_SEARCH: u64 = 16 << 20;

/// The bytes by which a compression is known.
const MAGIC: u64 = 4;

/// Larger manifests are refused by registries too.
const MAX_MANIFEST: usize = 4 << 20;

/// What an engine has of an image, and the manifest that makes the most of it.
pub(super) struct Presence {
    manifest: LoadManifest,
    present: HashSet<Digest>,
}

impl Presence {
    /// Nothing is there, as far as one knows.
    pub(super) fn nothing(manifest: LoadManifest) -> Self {
        Self {
            manifest,
            present: HashSet::new(),
        }
    }

    /// Asks for the blobs of `manifest`, which is one of `image`. A layer whose blob is not there may be there in
    /// another compression: the manifest is then made with that blob.
    pub(super) async fn ask(
        content: &Content,
        image: &ImageDescription,
        manifest: LoadManifest,
    ) -> Result<Self, Error> {
        let layers = manifest.layers().iter().map(|blob| blob.digest);
        let digests: Vec<Digest> = layers.chain([manifest.descriptor().digest]).collect();
        let present = find(content, &digests).await?;
        let absent: u64 = manifest
            .layers()
            .iter()
            .filter(|blob| !present.contains(&blob.digest))
            .map(|blob| blob.size)
            .sum();
        let mut presence = Self { manifest, present };
        if absent >= WORTH_A_SEARCH {
            presence.use_other_compressions(content, image).await?;
        }
        Ok(presence)
    }

    /// The manifest.
    pub(super) fn manifest(&self) -> &LoadManifest {
        &self.manifest
    }

    /// The ID of an image with this manifest.
    pub(super) fn id(&self) -> Digest {
        self.manifest.descriptor().digest
    }

    /// Whether the manifest is there, with every layer.
    pub(super) fn has_everything(&self) -> bool {
        self.present.contains(&self.id()) && self.count() == self.manifest.layers().len()
    }

    /// Whether the blob of the layer at `index` is there.
    pub(super) fn has(&self, index: usize) -> bool {
        let blob = self.manifest.layers().get(index);
        blob.is_some_and(|blob| self.present.contains(&blob.digest))
    }

    /// The number of layers that are there.
    pub(super) fn count(&self) -> usize {
        let layers = 0..self.manifest.layers().len();
        layers.filter(|index| self.has(*index)).count()
    }

    async fn use_other_compressions(
        &mut self,
        content: &Content,
        image: &ImageDescription,
    ) -> Result<(), Error> {
        let absent = image.layers.iter().enumerate();
        let absent = absent.filter(|(index, _)| !self.has(*index));
        let filters: Vec<String> = absent
            .map(|(_, layer)| format!(r#"labels."{UNCOMPRESSED}"=={}"#, layer.diff_id))
            .collect();
        let others = by_diff_id(content.list(filters).await?);
        let mut layers = self.manifest.layers().to_vec();
        for (index, layer) in image.layers.iter().enumerate() {
            let other = others.get(&layer.diff_id).filter(|_| !self.has(index));
            if let Some(other) = other {
                if let Some(blob) = describe(content, other).await? {
                    layers[index] = blob;
                }
            }
        }
        self.present.extend(others.values().map(|blob| blob.digest));
        if layers != self.manifest.layers() {
            // It has no other parts than the one that it replaces, and that one had a JSON form.
            if let Ok(manifest) = LoadManifest::new(image, layers) {
                self.manifest = manifest;
            }
        }
        Ok(())
    }
}

/// Which of these blobs are there.
pub(super) async fn find(content: &Content, digests: &[Digest]) -> Result<HashSet<Digest>, Error> {
    let unique: Vec<Digest> = digests
        .iter()
        .copied()
        .collect::<HashSet<_>>()
        .into_iter()
        .collect();
    let found = content.infos(&unique).await?;
    Ok(found
        .into_iter()
        .flatten()
        .map(|blob| blob.digest)
        .collect())
}

/// Whether all of these blobs are there.
pub(super) async fn has_all(content: &Content, digests: &[Digest]) -> Result<bool, Error> {
    let found = find(content, digests).await?;
    Ok(digests.iter().all(|digest| found.contains(digest)))
}

/// Reads the manifest `digest`; `None` if it is not there, or is no image's manifest.
pub(super) async fn read_manifest(
    content: &Content,
    digest: &Digest,
) -> Result<Option<Manifest>, Error> {
    let bytes = read(content, digest, 0).await?;
    Ok(bytes.and_then(|bytes| Manifest::parse(Path::new("manifest"), &bytes).ok()))
}

/// The blobs by the tar that is in them; of several with the same tar always the same one.
fn by_diff_id(mut blobs: Vec<BlobInfo>) -> BTreeMap<Digest, BlobInfo> {
    blobs.sort_by_key(|blob| blob.digest);
    let labelled = blobs.into_iter().rev().filter_map(|blob| {
        let diff_id = blob.labels.get(UNCOMPRESSED)?.parse().ok()?;
        Some((diff_id, blob))
    });
    labelled.collect()
}

/// Describes a blob by its first bytes, since a content store knows no media types; `None` if it has vanished.
async fn describe(content: &Content, blob: &BlobInfo) -> Result<Option<BlobDescription>, Error> {
    let start = read(content, &blob.digest, MAGIC).await?;
    Ok(start.map(|start| BlobDescription {
        media_type: media_type::oci_layer(Compression::sniff(&start)).to_owned(),
        digest: blob.digest,
        size: blob.size,
    }))
}

/// Reads the first `size` bytes of a blob, all if that is 0; `None` if it is not there, or larger than a manifest.
async fn read(content: &Content, digest: &Digest, size: u64) -> Result<Option<Vec<u8>>, Error> {
    let mut bytes = Vec::new();
    let read = async {
        let mut reader = content.read(digest, 0, size).await?;
        while let Some(piece) = reader.next().await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > MAX_MANIFEST {
                break;
            }
        }
        Ok(())
    };
    match read.await {
        Ok(()) if bytes.len() > MAX_MANIFEST => Ok(None),
        Ok(()) => Ok(Some(bytes)),
        Err(error @ Error::Grpc { .. }) if error.grpc_code() == Some(GrpcCode::NotFound) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
