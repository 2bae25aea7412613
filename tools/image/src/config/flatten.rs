//! The config of an image whose layers became one.

use serde_json::json;

use super::{Base, EPOCH};
use crate::description::{BlobDescription, ImageDescription, LayerDescription};
use crate::digest::Content;
use crate::error::Error;
use crate::json;
use crate::media_type;

/// Makes the config of an image that has all of `image` but its layers, of which it has one, and its history, which says
/// that the target `label` made that. The result is an OCI image, whatever `image` was.
///
/// # Errors
/// If the image's config does not have the shape that the specification demands.
pub fn flatten(
    image: Base,
    label: &str,
    layer: LayerDescription,
) -> Result<(Vec<u8>, ImageDescription), Error> {
    let mut config = image.config;
    let created = config.get("created").cloned().unwrap_or(EPOCH.into());
    let layers = image.description.layers.len();
    config.set_diff_ids([layer.diff_id])?;
    config.set(
        "history",
        json!([{
            "created": created,
            "created_by": format!("rules_stevedore {label}"),
            "comment": format!("layers made one: {layers}"),
        }]),
    );
    config.keep_settings();
    let bytes = json::to_bytes(&config.into_root())?;
    let description = ImageDescription {
        config: BlobDescription::new(media_type::OCI_CONFIG, Content::of(&bytes)),
        platform: image.description.platform,
        layers: vec![layer],
    };
    Ok((bytes, description))
}
