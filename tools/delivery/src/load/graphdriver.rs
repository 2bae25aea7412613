//! Docker's own image store: a docker-save archive may omit the layers that are there.
//!
//! 1. An upload with the config and all names, but no layer. Is nothing but the config new, that is the load. Else the
//!    engine's error names the first layer that it lacks, and nothing has changed.
//! 2. One upload with that layer and all above it. If another one is missing now, somebody has removed it meanwhile:
//!    again from there.
//! 3. The ID that the engine prints is compared with the one that was computed when the image was built.

use stevedore_engine::{Docker, Engine, ImageName, LoadAnswer, LoadProgress, Refusal};
use stevedore_image::archive_plan::ArchivePlan;
use stevedore_image::digest::Digest;
use stevedore_image::docker_archive;

use super::delivery::Delivery;
use crate::error::Error;
use crate::event::Event;
use crate::plan::{plan, Shipment};
use crate::source::{Checking, Form};
use crate::upload::Upload;

/// How often an upload is begun again because the engine has lost a layer meanwhile.
const MAX_UPLOADS: usize = 4;

/// What came of an upload that names its layers' places.
pub(super) enum Answer {
    /// The image is there under this ID; `None` if the engine did not tell.
    Done(Option<Digest>),
    /// The engine lacks this layer, and all above it.
    Missing(usize),
    /// The engine refused for another reason.
    Refused(Refusal),
}

/// What came of a transfer.
pub(super) enum Transfer {
    /// The image is there, with all its names, under the ID that was predicted.
    Done,
    /// The engine said this, or gave the image this ID: its store may be another one.
    Unlike(Unlike),
}

/// Why an engine cannot be one with this store, or has failed.
pub(super) enum Unlike {
    /// It refused.
    Refused(Refusal),
    /// It gave the image another ID.
    OtherId(Digest),
}

/// Sends what `engine` lacks of the image.
pub(super) async fn transfer(delivery: &Delivery<'_>, engine: &Docker) -> Result<Transfer, Error> {
    let layers = &delivery.image.description().layers;
    let mut shipment = Shipment::probe(layers);
    for upload in 0..=MAX_UPLOADS {
        let first = shipment.layers.start;
        delivery.tally.set(first, layers.len() - first);
        let archive = archive(delivery, &shipment)?;
        match send(
            delivery,
            engine,
            &shipment,
            archive,
            Form::Tar(Checking::ByDestination),
        )
        .await?
        {
            Answer::Done(id) => return verify(delivery, engine, id).await,
            Answer::Missing(index) if index < first => {
                if upload > 0 {
                    tell_lost(delivery, index);
                }
                shipment = plan(layers, index);
            }
            Answer::Missing(_) => return Err(delivery.keeps_losing(upload)),
            Answer::Refused(refusal) => return Ok(Transfer::Unlike(Unlike::Refused(refusal))),
        }
    }
    Err(delivery.keeps_losing(MAX_UPLOADS))
}

async fn verify(
    delivery: &Delivery<'_>,
    engine: &Docker,
    printed: Option<Digest>,
) -> Result<Transfer, Error> {
    let expected = delivery.image.id();
    let found = match printed {
        Some(id) => Some(id),
        None => engine
            .inspect(ImageName::Id(&expected))
            .await?
            .map(|facts| facts.id),
    };
    match found {
        Some(id) if id == expected => Ok(Transfer::Done),
        Some(id) => Ok(Transfer::Unlike(Unlike::OtherId(id))),
        None => Err(delivery.not_there(expected)),
    }
}

fn archive(delivery: &Delivery<'_>, shipment: &Shipment) -> Result<ArchivePlan, Error> {
    let config = delivery.image.read_config()?;
    let layers = &delivery.image.description().layers;
    let includes = |index| shipment.includes(index);
    docker_archive::plan_upload(&config, delivery.references, layers, includes)
        .map_err(|source| description_error(delivery, source))
}

pub(super) fn description_error(delivery: &Delivery<'_>, source: stevedore_image::Error) -> Error {
    Error::Description {
        label: delivery.label(),
        source: Box::new(source),
    }
}

/// Uploads `archive`, which has the layers of `shipment`; the engine must have the others.
pub(super) async fn send(
    delivery: &Delivery<'_>,
    engine: &Docker,
    shipment: &Shipment,
    archive: ArchivePlan,
    form: Form,
) -> Result<Answer, Error> {
    let layers = delivery.check_layers(shipment.layers.clone())?;
    delivery.tell_sending(layers.len(), shipment.bytes);
    let started = Upload::start(
        archive,
        layers,
        form,
        delivery.narrate,
        delivery.observer.clone(),
    );
    let (archive, upload) = started.map_err(|source| Error::Thread {
        label: delivery.label(),
        source,
    })?;
    let mut progress = |LoadProgress { current, total }| {
        (delivery.observer)(Event::Unpacking { current, total });
    };
    match engine.load(archive, &mut progress).await {
        Ok(answer) => Ok(understand(delivery, answer)),
        Err(error) => Err(match upload.failure() {
            Some(source) => Error::Source {
                label: delivery.label(),
                source: Box::new(source),
            },
            None => error.into(),
        }),
    }
}

fn understand(delivery: &Delivery<'_>, answer: LoadAnswer) -> Answer {
    for text in answer.notes {
        delivery.note(text);
    }
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
