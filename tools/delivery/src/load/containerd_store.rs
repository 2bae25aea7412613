//! Docker with the containerd image store.

use stevedore_engine::{Docker, Engine, ImageFacts, ImageName, Store};
use stevedore_image::docker_archive;

use super::delivery::Delivery;
use super::graphdriver::{description_error, send, Answer};
use super::Loaded;
use crate::error::Error;
use crate::plan::plan;
use crate::report::Outcome;
use crate::source::{Checking, Form};

/// Sends every layer, without a name, and names the image when it has proved complete: the containerd store says
/// "loaded" and moves the name even if it could not unpack the image.
pub(super) async fn transfer(delivery: &Delivery<'_>, engine: &Docker) -> Result<Loaded, Error> {
    delivery.fall_back("the engine uses the containerd image store: every layer is sent");
    let layers = &delivery.image.description().layers;
    delivery.tally.set(0, layers.len());
    let config = delivery.image.read_config()?;
    let archive = docker_archive::plan_upload(&config, &[], layers, |_| true)
        .map_err(|source| description_error(delivery, source))?;
    let everything = plan(layers, 0);
    let id = match send(
        delivery,
        engine,
        &everything,
        archive,
        Form::Tar(Checking::Here),
    )
    .await?
    {
        Answer::Done(Some(id)) => id,
        Answer::Done(None) => return Err(delivery.not_there(delivery.image.id())),
        Answer::Missing(_) => return Err(delivery.keeps_losing(1)),
        Answer::Refused(refusal) => return Err(delivery.refusal(refusal)),
    };
    let facts = engine.inspect(ImageName::Id(&id)).await?;
    compare_layers(delivery, facts.as_ref())?;
    if !delivery.tag_all(engine, &id).await? {
        return Err(delivery.not_there(id));
    }
    Ok(Loaded {
        image_id: id,
        outcome: Outcome::Loaded,
        store: Store::Containerd,
    })
}

/// Fails unless the engine's image has the layers of the image.
pub(super) fn compare_layers(
    delivery: &Delivery<'_>,
    facts: Option<&ImageFacts>,
) -> Result<(), Error> {
    let facts = facts.ok_or_else(|| delivery.not_there(delivery.image.id()))?;
    let layers = delivery.image.description().layers.iter();
    if layers.map(|layer| &layer.diff_id).eq(&facts.diff_ids) {
        return Ok(());
    }
    let expected = format!("an image with {} other layers", delivery.layer_count());
    Err(delivery.wrong_image(&expected, &facts.id.to_string()))
}
