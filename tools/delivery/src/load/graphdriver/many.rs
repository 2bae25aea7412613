//! Several images in one upload.
//!
//! An image's layers are stored by what lies below them. A layer that two images have at different places is therefore
//! asked for twice, although its bytes are the same; in one archive, both images name the same file.

use std::collections::HashSet;

use stevedore_engine::{Docker, LoadAnswer};
use stevedore_image::description::LayerDescription;
use stevedore_image::digest::Digest;
use stevedore_image::docker_archive::{self, locate, ArchivedImage};
use stevedore_image::reference::Reference;

use super::{send, tell_lost, verify, Answer, MAX_UPLOADS};
use crate::error::Error;
use crate::load::delivery::Delivery;
use crate::load::Loaded;
use crate::plan::Shipment;
use crate::source::{Checking, Form};

/// An image of which something is missing.
struct Part<'a> {
    delivery: &'a Delivery<'a>,
    config: Vec<u8>,
    names: &'a [Reference],
    /// The place of the lowest layer that is missing.
    first: usize,
    /// Its place in the list of deliveries.
    number: usize,
}

/// Sends what `engine` lacks of all images. `None` stands for an image that is not there yet; it is to be sent by
/// itself, and that finds out why.
pub(in crate::load) async fn transfer(
    deliveries: &[Delivery<'_>],
    engine: &Docker,
) -> Result<Vec<Option<Loaded>>, Error> {
    let mut loaded = vec![None; deliveries.len()];
    let mut parts = Vec::new();
    for (number, delivery) in deliveries.iter().enumerate() {
        match probe(delivery, engine).await? {
            Answer::Done(id) => loaded[number] = verified(delivery, engine, id).await?,
            Answer::Missing(first) => parts.push(Part {
                delivery,
                config: delivery.image.read_config()?,
                names: delivery.names(engine).await?,
                first,
                number,
            }),
            Answer::Refused(_) => {}
        }
    }
    if parts.is_empty() {
        return Ok(loaded);
    }
    if let Some(ids) = send_until_complete(&mut parts, engine).await? {
        for (place, part) in parts.iter().enumerate() {
            let id = ids.get(place).copied();
            loaded[part.number] = verified(part.delivery, engine, id).await?;
        }
    }
    Ok(loaded)
}

/// Asks for the lowest layer that is missing; if none is, this loads the image.
async fn probe(delivery: &Delivery<'_>, engine: &Docker) -> Result<Answer, Error> {
    let layers = &delivery.image.description().layers;
    delivery.tally.set(layers.len(), 0);
    send(delivery, engine, &Shipment::probe(layers)).await
}

async fn verified(
    delivery: &Delivery<'_>,
    engine: &Docker,
    printed: Option<Digest>,
) -> Result<Option<Loaded>, Error> {
    match verify(delivery, engine, printed).await {
        Ok(loaded) => Ok(Some(loaded)),
        Err(error @ Error::Engine(_)) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Gives the IDs that the engine printed, or `None` if it does not take the images so.
async fn send_until_complete(
    parts: &mut [Part<'_>],
    engine: &Docker,
) -> Result<Option<Vec<Digest>>, Error> {
    for _ in 0..MAX_UPLOADS {
        let answer = send_together(parts, engine).await?;
        let Some(refusal) = answer.refusal else {
            return Ok(Some(answer.image_ids));
        };
        let Some((part, first)) = lost_layer(parts, refusal.missing_layer()) else {
            parts[0].delivery.fall_back(&format!(
                "the engine refused {} images together ({refusal}): sending one after the other",
                parts.len()
            ));
            return Ok(None);
        };
        tell_lost(parts[part].delivery, first);
        parts[part].first = first;
    }
    Ok(None)
}

/// The image that has lost a layer meanwhile, and that layer's place in it.
fn lost_layer(parts: &[Part<'_>], missing: Option<(usize, Digest)>) -> Option<(usize, usize)> {
    let (place, diff_id) = missing?;
    let layers = parts.iter().flat_map(Part::layers);
    layers
        .clone()
        .nth(place)
        .filter(|layer| layer.diff_id == diff_id)?;
    let (part, index) = locate(&archived(parts), place);
    (index < parts[part].first).then_some((part, index))
}

async fn send_together(parts: &[Part<'_>], engine: &Docker) -> Result<LoadAnswer, Error> {
    let delivery = parts[0].delivery;
    let missing: Vec<bool> = parts.iter().flat_map(Part::is_missing).collect();
    let mut measured = Vec::new();
    for part in parts {
        let image = part.delivery.image;
        let layers = image.measured_layers(part.first..part.layers().len());
        measured.push(layers.await?);
    }
    let with_sizes = archived(parts).into_iter().zip(&measured);
    let with_sizes: Vec<_> = with_sizes
        .map(|(image, layers)| ArchivedImage { layers, ..image })
        .collect();
    let archive = docker_archive::plan_upload(&with_sizes, |place| missing[place])
        .map_err(|source| delivery.description_error(source))?;
    let mut layers = Vec::new();
    for place in archive.layers() {
        let (part, index) = locate(&archived(parts), place);
        let found = parts[part].delivery.check_layers([index]).await?;
        layers.extend(found.into_iter().map(|(_, layer)| (place, layer)));
    }
    count_sent(parts);
    delivery.tell_sending(layers.len(), missing.len(), archive.layer_bytes());
    let form = Form::Tar(Checking::ByDestination);
    delivery.send_layers(engine, archive, layers, form).await
}

/// Counts what is sent. A layer counts for the first image that has it.
fn count_sent(parts: &[Part<'_>]) {
    let mut earlier = HashSet::new();
    for part in parts {
        let missing = part.layers()[part.first..].iter();
        let count = missing
            .clone()
            .filter(|layer| !earlier.contains(&layer.diff_id))
            .count();
        earlier.extend(missing.map(|layer| layer.diff_id));
        part.delivery.tally.set(part.layers().len() - count, count);
    }
}

fn archived<'a>(parts: &'a [Part<'_>]) -> Vec<ArchivedImage<'a>> {
    let image = |part: &'a Part<'_>| ArchivedImage {
        config: &part.config,
        references: part.names,
        layers: part.layers(),
    };
    parts.iter().map(image).collect()
}

impl Part<'_> {
    fn layers(&self) -> &[LayerDescription] {
        &self.delivery.image.description().layers
    }

    /// Of each layer, whether it is missing.
    fn is_missing(&self) -> impl Iterator<Item = bool> + '_ {
        (0..self.layers().len()).map(|index| index >= self.first)
    }
}
