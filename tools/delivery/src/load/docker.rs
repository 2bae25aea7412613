//! Docker, whichever of its two image stores it has.
//!
//! Nobody asks first which one that is: the image behind the first name is inspected (0.2 ms with graphdriver storage,
//! 10 ms with the containerd store), and the answer shows the store, the image's ID there, and all its names. Only
//! where there is no such image, and something must be sent, `GET /info` is asked (10 ms).

use stevedore_engine::{Docker, Engine, ImageFacts, ImageName, Store};
use stevedore_image::digest::Digest;

use super::containerd_store::ContainerdStore;
use super::delivery::Delivery;
use super::strategy::Strategy;
use super::{graphdriver, Loaded};
use crate::error::Error;
use crate::mark::marks_in;
use crate::purpose::Purpose;
use crate::report::Outcome;

/// A delivery into Docker.
pub(super) struct IntoDocker<'a> {
    pub(super) delivery: Delivery<'a>,
    pub(super) engine: &'a Docker,
}

impl Strategy for IntoDocker<'_> {
    async fn adopt(&self) -> Result<Option<Loaded>, Error> {
        if let Some(name) = self.delivery.references.first() {
            if let Some(facts) = self.engine.inspect(ImageName::Reference(name)).await? {
                if let Some(loaded) = self.recognise(&facts).await? {
                    return Ok(Some(loaded));
                }
                self.delivery.remember_holder(&facts);
                if self.engine.known_store().is_some() && !self.may_be_of_tests(&facts) {
                    // The name stands for another image. Should ours be there all the same, the transfer finds it
                    // while it asks what is missing, and gives it the names. But where tests are at work its names must be known:
                    // those that it has are not marked, and marks that it has may have to go.
                    return Ok(None);
                }
            }
        }
        self.adopt_by_id().await
    }

    async fn transfer(&self) -> Result<Loaded, Error> {
        match self.engine.store().await? {
            Store::Containerd => self.containerd_store()?.transfer().await,
            _ => graphdriver::transfer(&self.delivery, self.engine).await,
        }
    }
}

impl IntoDocker<'_> {
    /// Adopts the image that was found by a name, if it is the one that is to be delivered and complete.
    async fn recognise(&self, facts: &ImageFacts) -> Result<Option<Loaded>, Error> {
        let store = if facts.id == self.delivery.image.id() {
            Store::Graphdriver
        } else if self.engine.known_store() != Some(Store::Graphdriver)
            && self.containerd_store()?.is_ours(facts).await?
        {
            Store::Containerd
        } else {
            return Ok(None);
        };
        if !self.delivery.settle(self.engine, facts).await? {
            return Ok(None);
        }
        Ok(Some(self.unchanged(facts.id, store)))
    }

    /// Whether tests have to do with the image, or with the one that has its name.
    fn may_be_of_tests(&self, holder: &ImageFacts) -> bool {
        self.delivery.purpose == Purpose::Test || marks_in(&holder.references).next().is_some()
    }

    /// Adopts the image if it is there under its ID in either store.
    async fn adopt_by_id(&self) -> Result<Option<Loaded>, Error> {
        if self.engine.known_store() != Some(Store::Graphdriver) {
            let store = self.containerd_store()?;
            let adopted = store.adopt(store.predicted_id()).await?;
            if adopted.is_some() || self.engine.known_store() == Some(Store::Containerd) {
                return Ok(adopted);
            }
        }
        let id = self.delivery.image.id();
        let is_there = match self.engine.inspect(ImageName::Id(&id)).await? {
            Some(facts) => self.delivery.settle(self.engine, &facts).await?,
            None => false,
        };
        Ok(is_there.then(|| self.unchanged(id, Store::Graphdriver)))
    }

    fn containerd_store(&self) -> Result<ContainerdStore<'_>, Error> {
        ContainerdStore::new(&self.delivery, self.engine)
    }

    fn unchanged(&self, image_id: Digest, store: Store) -> Loaded {
        self.delivery.tally.set(self.delivery.layer_count(), 0);
        Loaded {
            image_id,
            outcome: Outcome::Unchanged,
            store,
        }
    }
}
