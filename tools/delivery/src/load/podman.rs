//! podman, through its socket.

use stevedore_engine::{Docker, Engine, ImageName, Store};
use stevedore_image::docker_archive;

use super::delivery::Delivery;
use super::strategy::Strategy;
use super::Loaded;
use crate::error::Error;
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
            .map_err(|source| delivery.description_error(source))?;
        let form = Form::Tar(Checking::Here);
        let answer = delivery.send(self.engine, archive, form).await?;
        if let Some(refusal) = answer.refusal {
            return Err(delivery.refusal(refusal));
        }
        let facts = self
            .engine
            .inspect(ImageName::Id(&delivery.image.id()))
            .await?;
        let Some(facts) = facts else {
            return Err(delivery.not_there(delivery.image.id()));
        };
        if !delivery.has_layers(&facts) {
            let expected = delivery.image.id().to_string();
            return Err(delivery.wrong_image(&expected, "an image with other layers"));
        }
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
