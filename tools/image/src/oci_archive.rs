//! Tars in the OCI layout, for engines: with one image, and any of its layers' blobs left out.
//!
//! Docker with the containerd store, containerd itself and podman take a blob that the archive lacks from what they
//! have. See <https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md>.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::archive_plan::{ArchivePlan, Planner};
use crate::description::{BlobDescription, Platform};
use crate::error::Error;
use crate::json;
use crate::layout::{blob_name, Marker, INDEX, MARKER};
use crate::load_manifest::LoadManifest;
use crate::media_type;
use crate::reference::Reference;

/// The annotation by which containerd, and Docker with its store, name an image.
const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// The annotation by which podman does.
const OCI_NAME: &str = "org.opencontainers.image.ref.name";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u32,
    media_type: &'a str,
    manifests: [Entry<'a>; 1],
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    blob: BlobDescription,
    platform: &'a Platform,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<&'a str, String>,
}

/// Plans an archive: `config` is the config's bytes, and `is_included` tells of each layer of the manifest whether the
/// archive holds its blob. One that occurs twice comes once. The image gets `name`, if there is one.
///
/// # Errors
/// None that input can cause: only if the index has no JSON form.
pub fn plan(
    manifest: &LoadManifest,
    platform: &Platform,
    config: &[u8],
    name: Option<&Reference>,
    is_included: impl Fn(usize) -> bool,
) -> Result<ArchivePlan, Error> {
    let mut planner = Planner::default();
    // The small files come first, so that an engine which refuses them has read little.
    for (path, bytes) in documents(manifest, platform, config, name)? {
        planner.file(&path, &bytes);
    }
    let mut included = HashSet::new();
    for (index, blob) in manifest.layers().iter().enumerate() {
        if is_included(index) && included.insert(blob.digest) {
            planner.layer(&blob_name(blob.digest), index, blob.size);
        }
    }
    Ok(planner.finish())
}

/// The paths and contents of all files that are no layers, with which an archive, or a directory, is an OCI layout.
///
/// # Errors
/// None that input can cause: only if the index has no JSON form.
pub fn documents(
    manifest: &LoadManifest,
    platform: &Platform,
    config: &[u8],
    name: Option<&Reference>,
) -> Result<[(String, Vec<u8>); 4], Error> {
    let names = name.map(Reference::normalized);
    let index = Index {
        schema_version: 2,
        media_type: media_type::OCI_INDEX,
        manifests: [Entry {
            blob: manifest.descriptor(),
            platform,
            annotations: names
                .into_iter()
                .flat_map(|name| [(CONTAINERD_NAME, name.clone()), (OCI_NAME, name)])
                .collect(),
        }],
    };
    Ok([
        (MARKER.to_owned(), json::to_bytes(&Marker::default())?),
        (INDEX.to_owned(), json::to_bytes(&index)?),
        (
            blob_name(manifest.descriptor().digest),
            manifest.bytes().to_vec(),
        ),
        (blob_name(manifest.config().digest), config.to_vec()),
    ])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{json, Value};

    use super::*;
    use crate::archive_plan::tests::members;
    use crate::description::{ImageDescription, LayerDescription};
    use crate::digest::{Content, Digest};

    const LAYERS: [&[u8]; 4] = [b"base", b"same", b"other", b"same"];

    fn image() -> ImageDescription {
        ImageDescription {
            config: BlobDescription::new(media_type::OCI_CONFIG, Content::of(b"{}")),
            platform: Platform {
                os: "linux".to_owned(),
                architecture: "arm64".to_owned(),
                variant: None,
            },
            layers: LAYERS
                .map(|layer| LayerDescription::new(Content::of(layer)))
                .to_vec(),
        }
    }

    #[test]
    fn any_blob_may_be_left_out_and_none_comes_twice() {
        let image = image();
        let manifest = LoadManifest::of_blobs(&image).unwrap();
        let plan = plan(&manifest, &image.platform, b"{}", None, |index| index != 2).unwrap();
        assert_eq!(plan.layers().collect::<Vec<_>>(), [0, 1]);
        let members = members(plan, &LAYERS);
        let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        let blob = |bytes: &[u8]| format!("blobs/sha256/{}", Digest::of(bytes).hex());
        assert_eq!(
            names,
            [
                "oci-layout",
                "index.json",
                &blob(manifest.bytes()),
                &blob(b"{}"),
                &blob(b"base"),
                &blob(b"same")
            ]
        );
        assert_eq!(members[0].1, br#"{"imageLayoutVersion":"1.0.0"}"#);
        assert_eq!(members[2].1, manifest.bytes());
        let index: Value = serde_json::from_slice(&members[1].1).unwrap();
        let expected = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [{
            "mediaType": media_type::OCI_MANIFEST, "digest": Digest::of(manifest.bytes()),
            "size": manifest.bytes().len(), "platform": {"os": "linux", "architecture": "arm64"}}]});
        assert_eq!(index, expected);
    }

    #[test]
    fn a_name_is_written_out_for_both_families_of_engines() {
        let image = image();
        let manifest = LoadManifest::of_blobs(&image).unwrap();
        let name = "app:dev".parse().unwrap();
        let plan = plan(&manifest, &image.platform, b"{}", Some(&name), |_| false).unwrap();
        let index: Value = serde_json::from_slice(&members(plan, &[])[1].1).unwrap();
        let expected = json!({"io.containerd.image.name": "docker.io/library/app:dev",
            "org.opencontainers.image.ref.name": "docker.io/library/app:dev"});
        assert_eq!(index["manifests"][0]["annotations"], expected);
    }
}
