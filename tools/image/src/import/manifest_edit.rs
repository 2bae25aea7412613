//! Manifests that are kept, but for layers which are other blobs now.

use std::path::Path;

use serde_json::{Map, Value};

use crate::description::BlobDescription;
use crate::error::Error;
use crate::json;
use crate::manifest::Manifest;
use crate::media_type;

/// The bytes of a manifest with these layers: the same bytes if it has them already.
pub(super) fn with_layers(
    path: &Path,
    bytes: Vec<u8>,
    blobs: &[BlobDescription],
) -> Result<Vec<u8>, Error> {
    let manifest = Manifest::parse(path, &bytes)?;
    let has_them = manifest
        .layers
        .iter()
        .zip(blobs)
        .all(|(layer, blob)| layer.content() == blob.content());
    if has_them {
        return Ok(bytes);
    }
    let is_docker = manifest.media_type() == media_type::DOCKER_MANIFEST;
    let mut root: Map<String, Value> = json::parse(path, &bytes)?;
    if let Some(Value::Array(layers)) = root.get_mut("layers") {
        for (layer, blob) in layers.iter_mut().zip(blobs) {
            let media_type = match is_docker {
                true => media_type::docker_layer(&blob.media_type),
                false => &blob.media_type,
            };
            layer["mediaType"] = media_type.into();
            layer["digest"] = blob.digest.to_string().into();
            layer["size"] = blob.size.into();
        }
    }
    json::to_bytes(&root)
}
