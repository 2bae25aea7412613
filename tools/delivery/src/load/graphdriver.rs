//! Docker's own image store: a docker-save archive may omit the layers that are there.
//!
//! 1. An upload with the config and all names, but no layer. Is nothing but the config new, that is the load. Else the
//!    engine's error names the first layer that it lacks, and nothing has changed.
//! 2. One upload with that layer and all above it. If another one is missing now, somebody has removed it meanwhile:
//!    again from there.
//! 3. The ID that the engine prints is compared with the one that was computed when the image was built.

mod many;

use stevedore_engine::{Docker, Engine, ImageName, LoadAnswer, Refusal, Store};
use stevedore_image::archive_plan::ArchivePlan;
use stevedore_image::digest::Digest;
use stevedore_image::docker_archive::{self, ArchivedImage};

use super::delivery::Delivery;
use super::Loaded;
use crate::error::Error;
use crate::plan::{plan, Shipment};
use crate::report::Outcome;
use crate::source::{Checking, Form};

pub(super) use many::transfer as transfer_many;

/// How often an upload is begun again because the engine has lost a layer meanwhile.
const MAX_UPLOADS: usize = 4;

/// What came of an upload that names its layers' places.
enum Answer {
    /// The image is there under this ID; `None` if the engine did not tell.
    Done(Option<Digest>),
    /// The engine lacks this layer, and all above it.
    Missing(usize),
    /// The engine refused for another reason.
    Refused(Refusal),
}

/// Sends what `engine` lacks of the image.
pub(super) async fn transfer(delivery: &Delivery<'_>, engine: &Docker) -> Result<Loaded, Error> {
    let layers = &delivery.image.description().layers;
    let mut shipment = Shipment::probe(layers);
    for upload in 0..=MAX_UPLOADS {
        let first = shipment.layers.start;
        delivery.tally.set(first, layers.len() - first);
        match send(delivery, engine, &shipment).await? {
            Answer::Done(id) => return verify(delivery, engine, id).await,
            Answer::Missing(index) if index < first => {
                if upload > 0 {
                    tell_lost(delivery, index);
                }
                shipment = plan(layers, index);
            }
            Answer::Missing(_) => return Err(delivery.keeps_losing(upload)),
            Answer::Refused(refusal) => return Err(delivery.refusal(refusal)),
        }
    }
    Err(delivery.keeps_losing(MAX_UPLOADS))
}

/// Uploads what is in `shipment`; the engine must have the other layers.
async fn send(
    delivery: &Delivery<'_>,
    engine: &Docker,
    shipment: &Shipment,
) -> Result<Answer, Error> {
    let archive = archive(delivery, engine, shipment).await?;
    let form = Form::Tar(Checking::ByDestination);
    let answer = delivery.send(engine, archive, form).await?;
    Ok(understand(delivery, answer))
}

async fn verify(
    delivery: &Delivery<'_>,
    engine: &Docker,
    printed: Option<Digest>,
) -> Result<Loaded, Error> {
    let expected = delivery.image.id();
    let found = match printed {
        Some(id) => Some(id),
        None => engine
            .inspect(ImageName::Id(&expected))
            .await?
            .map(|facts| facts.id),
    };
    match found {
        Some(id) if id == expected => {
            delivery.retire_marks(engine).await;
            Ok(Loaded {
                image_id: id,
                outcome: Outcome::Loaded,
                store: Store::Graphdriver,
            })
        }
        Some(id) => Err(delivery.wrong_image(&expected.to_string(), &id.to_string())),
        None => Err(delivery.not_there(expected)),
    }
}

async fn archive(
    delivery: &Delivery<'_>,
    engine: &Docker,
    shipment: &Shipment,
) -> Result<ArchivePlan, Error> {
    let config = delivery.image.read_config()?;
    let layers = delivery.image.measured_layers(shipment.layers.clone());
    let layers = &layers.await?;
    let includes = |index| shipment.includes(index);
    let image = ArchivedImage {
        config: &config,
        references: delivery.names(engine).await?,
        layers,
    };
    docker_archive::plan_upload(&[image], includes)
        .map_err(|source| delivery.description_error(source))
}

fn understand(delivery: &Delivery<'_>, answer: LoadAnswer) -> Answer {
    let Some(refusal) = answer.refusal else {
        return Answer::Done(answer.image_ids.last().copied());
    };
    match refusal.missing_layer() {
        Some((index, diff_id)) if is_layer(delivery, index, diff_id) => Answer::Missing(index),
        _ => Answer::Refused(refusal),
    }
}

fn is_layer(delivery: &Delivery<'_>, index: usize, diff_id: Digest) -> bool {
    let layer = delivery.image.description().layers.get(index);
    layer.is_some_and(|layer| layer.diff_id == diff_id)
}

fn tell_lost(delivery: &Delivery<'_>, index: usize) {
    delivery.fall_back(&format!(
        "the engine lost layer {} of {} meanwhile: sending again from there",
        index + 1,
        delivery.layer_count()
    ));
}
