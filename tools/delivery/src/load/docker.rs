//! Docker, whichever of its two image stores it has.

use stevedore_engine::{Docker, Engine, ImageName, Store};

use super::delivery::Delivery;
use super::graphdriver::{self, Transfer, Unlike};
use super::strategy::Strategy;
use super::{containerd_store, Loaded};
use crate::error::Error;
use crate::report::Outcome;

/// A delivery into Docker.
pub(super) struct IntoDocker<'a> {
    pub(super) delivery: Delivery<'a>,
    pub(super) engine: &'a Docker,
}

impl Strategy for IntoDocker<'_> {
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

    async fn transfer(&self) -> Result<Loaded, Error> {
        let unlike = match graphdriver::transfer(&self.delivery, self.engine).await? {
            Transfer::Done => return Ok(self.loaded(Outcome::Loaded)),
            Transfer::Unlike(unlike) => unlike,
        };
        if self.engine.store().await? == Store::Containerd {
            return containerd_store::transfer(&self.delivery, self.engine).await;
        }
        let expected = self.delivery.image.id();
        Err(match unlike {
            Unlike::Refused(refusal) => self.delivery.refusal(refusal),
            Unlike::OtherId(id) => self
                .delivery
                .wrong_image(&expected.to_string(), &id.to_string()),
        })
    }
}

impl IntoDocker<'_> {
    fn loaded(&self, outcome: Outcome) -> Loaded {
        Loaded {
            image_id: self.delivery.image.id(),
            outcome,
            store: Store::Graphdriver,
        }
    }
}
