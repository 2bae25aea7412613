//! podman, through its socket.

use stevedore_engine::{Docker, Engine, ImageName, Store};
use stevedore_image::docker_archive;

use super::containerd_store::compare_layers;
use super::delivery::Delivery;
use super::graphdriver::{description_error, send, Answer};
use super::strategy::Strategy;
use super::Loaded;
use crate::error::Error;
use crate::plan::plan;
use crate::report::Outcome;
use crate::source::{Checking, Form};

/// A delivery into podman.
pub(super) struct IntoPodman<'a> {
    pub(super) delivery: Delivery<'a>,
    pub(super) engine: &'a Docker,
}

impl Strategy for IntoPodman<'_> {
    async fn adopt(&self) -> Result<Option<Loaded>, Error> {
        let id = self.delivery.image.id();
        let there = match self.delivery.references {
            [] => self.engine.inspect(ImageName::Id(&id)).await?.is_some(),
            _ => self.delivery.tag_all(self.engine, &id).await?,
        };
        if !there {
            return Ok(None);
        }
        self.delivery.tally.set(self.delivery.layer_count(), 0);
        Ok(Some(self.loaded(Outcome::Unchanged)))
    }

    /// Sends every layer: podman refuses a docker-archive with gaps (`Some layer tarfiles are missing`).
    async fn transfer(&self) -> Result<Loaded, Error> {
        let delivery = &self.delivery;
        delivery.fall_back("the engine is podman: every layer is sent");
        let layers = &delivery.image.description().layers;
        delivery.tally.set(0, layers.len());
        let config = delivery.image.read_config()?;
        let archive = docker_archive::plan(&config, delivery.references, layers, |_| true)
            .map_err(|source| description_error(delivery, source))?;
        let everything = plan(layers, 0);
        match send(
            delivery,
            self.engine,
            &everything,
            archive,
            Form::Tar(Checking::Here),
        )
        .await?
        {
            Answer::Done(_) => {}
            Answer::Missing(_) => return Err(delivery.keeps_losing(1)),
            Answer::Refused(refusal) => return Err(delivery.refusal(refusal)),
        }
        let facts = self
            .engine
            .inspect(ImageName::Id(&delivery.image.id()))
            .await?;
        compare_layers(delivery, facts.as_ref())?;
        Ok(self.loaded(Outcome::Loaded))
    }
}

impl IntoPodman<'_> {
    fn loaded(&self, outcome: Outcome) -> Loaded {
        Loaded {
            image_id: self.delivery.image.id(),
            outcome,
            store: Store::ContainersStorage,
        }
    }
}
