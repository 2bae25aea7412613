//! What podman keeps of an image that it has refused: the layers below the one that it could not take.
//!
//! No list shows them, and no `podman image prune` removes them; the next load of the image would use them. An image
//! that is made of them, and removed, takes them along, those that no other image has.

use futures_util::stream;
use serde_json::json;
use stevedore_engine::{Archive, Podman};
use stevedore_image::description::{BlobDescription, ImageDescription};
use stevedore_image::digest::Content;
use stevedore_image::load_manifest::LoadManifest;
use stevedore_image::{media_type, oci_archive};

use super::super::delivery::Delivery;
use super::upload::find;
use crate::error::Error;

/// How often the engine is asked how many layers it has.
const MAX_QUESTIONS: usize = 4;

/// Removes them.
pub(super) async fn remove<E: Podman>(delivery: &Delivery<'_>, engine: &E) -> Result<(), Error> {
    let mut count = delivery.layer_count();
    for _ in 0..MAX_QUESTIONS {
        if count == 0 {
            break;
        }
        let answer = engine.load(image_of_layers(delivery, count)?).await?;
        let Some(refusal) = answer.refusal else {
            for id in answer.image_ids {
                engine.remove_image(&id).await?;
            }
            break;
        };
        let layers = &delivery.image.description().layers;
        let missing = refusal.missing_blob().and_then(|blob| find(layers, blob));
        count = missing.filter(|index| *index < count).unwrap_or(0);
    }
    Ok(())
}

/// An image, without a name, of the lowest `count` layers, none of which is in the archive.
fn image_of_layers(delivery: &Delivery<'_>, count: usize) -> Result<Archive, Error> {
    let mut image: ImageDescription = delivery.image.description().clone();
    image.layers.truncate(count);
    let diff_ids: Vec<_> = image.layers.iter().map(|layer| layer.diff_id).collect();
    let config = json!({
        "architecture": image.platform.architecture, "os": image.platform.os,
        "author": "stevedore: what a failed load has left, to be removed",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    })
    .to_string();
    image.config = BlobDescription::new(media_type::OCI_CONFIG, Content::of(config.as_bytes()));
    let plan = LoadManifest::of_tars(&image).and_then(|manifest| {
        oci_archive::plan(&manifest, &image.platform, config.as_bytes(), None, |_| {
            false
        })
    });
    let plan = plan.map_err(|source| delivery.description_error(source))?;
    let mut bytes = Vec::new();
    let read = std::io::Read::read_to_end(&mut plan.reader(|_| Ok(std::io::empty())), &mut bytes);
    Ok(Archive {
        size: bytes.len() as u64,
        bytes: Box::pin(stream::iter([read.map(|_| bytes.into())])),
        narrate: false,
    })
}
