//! OCI archives with the layers that podman lacks.
//!
//! 1. An archive without a layer. Is nothing but the config new, that is the load. Else the refusal names the lowest
//!    layer that podman lacks.
//! 2. Archives with that layer, and with those above it that are likely to be missing too: [`Stock`]. Each refusal
//!    names a higher one.
//!
//! A layer that is not sent is called by its `diff_id`: podman finds it whatever form it came in. One that is sent goes
//! as it lies there, compressed or not.

use std::collections::HashSet;

use stevedore_engine::{ImageName, LoadAnswer, Podman};
use stevedore_image::description::LayerDescription;
use stevedore_image::digest::Digest;
use stevedore_image::load_manifest::{self, LoadManifest};
use stevedore_image::oci_archive;

use super::super::delivery::Delivery;
use crate::error::Error;
use crate::source::{Checking, Form};
use crate::stock::Stock;

/// How often podman may lose layers that it had.
const MAX_LOST: usize = 3;

/// Makes podman have the image under its first name. Gives the ID, if podman told it.
pub(super) async fn upload<E: Podman>(
    delivery: &Delivery<'_>,
    engine: &E,
) -> Result<Option<Digest>, Error> {
    let layers = &delivery.image.description().layers;
    let mut stock = Stock::default();
    stock.add(delivery.layers_before());
    let mut sent = HashSet::new();
    let mut parcel = HashSet::new();
    let mut lost = 0;
    loop {
        sent.extend(&parcel);
        tally(delivery, &sent);
        let answer = send(delivery, engine, &parcel).await?;
        let Some(refusal) = answer.refusal else {
            return Ok(answer.image_ids.first().copied());
        };
        let Some(first) = refusal.missing_blob().and_then(|blob| find(layers, blob)) else {
            return Err(delivery.refusal(refusal));
        };
        let layer = layers[first].diff_id;
        if stock.has(&layer) || sent.contains(&layer) {
            lost += 1;
            tell_lost(delivery, first);
        } else if parcel.is_empty() && first + 1 < layers.len() {
            stock.add(layers_by_name(delivery, engine).await?);
        }
        if lost > MAX_LOST || parcel.contains(&layer) {
            return Err(delivery.keeps_losing(lost));
        }
        parcel = stock.take_refusal(layers, first);
    }
}

/// The layers of the image that has the name now: an older version, most likely.
async fn layers_by_name<E: Podman>(
    delivery: &Delivery<'_>,
    engine: &E,
) -> Result<Vec<Digest>, Error> {
    let Some(reference) = delivery.references.first() else {
        return Ok(Vec::new());
    };
    let image = engine.inspect(ImageName::Reference(reference)).await?;
    Ok(image.map_or_else(Vec::new, |image| image.diff_ids))
}

/// Uploads an archive with the layers in `parcel`, by their `diff_id`s.
async fn send<E: Podman>(
    delivery: &Delivery<'_>,
    engine: &E,
    parcel: &HashSet<Digest>,
) -> Result<LoadAnswer, Error> {
    let image = delivery.image.description();
    let config = delivery.image.read_config()?;
    let is_sent = |index: usize| parcel.contains(&image.layers[index].diff_id);
    let blobs = image.layers.iter().enumerate();
    let blobs = blobs.map(|(index, layer)| match is_sent(index) {
        true => load_manifest::blob(layer),
        false => load_manifest::tar(layer),
    });
    // A name in the archive and not a tag afterwards: podman writes its list of images once, and nobody can prune the
    // image in between. It creates the image, with its name, when all layers are there.
    let name = delivery.names(engine).await?.first();
    let archive = LoadManifest::new(image, blobs.collect())
        .and_then(|manifest| oci_archive::plan(&manifest, &image.platform, &config, name, is_sent))
        .map_err(|source| delivery.description_error(source))?;
    // Checked here, though podman would find a wrong digest too: it would keep the layers below.
    let load = async |archive| engine.load(archive).await;
    delivery
        .upload(archive, Form::Blob(Checking::Here), load)
        .await
}

/// The lowest place of a layer that is called by its `diff_id`, or by the digest of its blob.
pub(super) fn find(layers: &[LayerDescription], blob: Digest) -> Option<usize> {
    let is_it = |layer: &LayerDescription| {
        layer.diff_id == blob || load_manifest::blob(layer).digest == blob
    };
    layers.iter().position(is_it)
}

fn tally(delivery: &Delivery<'_>, sent: &HashSet<Digest>) {
    let layers = delivery.image.description().layers.iter();
    let count = layers.filter(|l| sent.contains(&l.diff_id)).count();
    delivery.tally.set(delivery.layer_count() - count, count);
}

fn tell_lost(delivery: &Delivery<'_>, index: usize) {
    delivery.fall_back(&format!(
        "the engine lost layer {} of {} meanwhile: sending it",
        index + 1,
        delivery.layer_count()
    ));
}
