//! podman: it takes any layer that it has from its store, and on the same machine nothing is uploaded at all.
//!
//! 1. Is the image there, by its ID? Then it gets the names that it lacks.
//! 2. A podman on this machine that can read directories gets one, with symlinks to the layers: [`directory`].
//! 3. Any other one gets OCI archives with the layers that it lacks: [`upload`].
//! 4. Podman gives the image its ID, the digest of the config, when all layers are there, and not before.

mod directory;
mod remains;
mod upload;

use std::time::Duration;

use stevedore_engine::{ImageName, Podman, Store};
use stevedore_image::digest::Digest;

use super::delivery::Delivery;
use super::strategy::Strategy;
use super::Loaded;
use crate::error::Error;
use crate::lock::{Lock, Turn};
use crate::report::Outcome;
use directory::Local;

/// How often an image is brought because somebody has removed it before it had its names.
const MAX_ATTEMPTS: usize = 3;

/// How long is waited for the lock, and for podman, before what a dropped transfer has left is removed.
const PATIENCE: Duration = Duration::from_millis(300);

/// A delivery into podman.
pub(super) struct IntoPodman<'a, E> {
    pub(super) delivery: Delivery<'a>,
    pub(super) engine: &'a E,
}

impl<E: Podman> Strategy for IntoPodman<'_, E> {
    async fn adopt(&self) -> Result<Option<Loaded>, Error> {
        if !self.name_all().await? {
            return Ok(None);
        }
        self.delivery.tally.set(self.delivery.layer_count(), 0);
        Ok(Some(self.loaded(Outcome::Unchanged)))
    }

    async fn transfer(&self) -> Result<Loaded, Error> {
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                self.delivery
                    .fall_back("the engine lost the image before it had its names: sending again");
            }
            self.bring().await?;
            if self.name_all().await? {
                return Ok(self.loaded(Outcome::Loaded));
            }
        }
        Err(self.delivery.keeps_losing(MAX_ATTEMPTS))
    }
}

impl<E: Podman> IntoPodman<'_, E> {
    /// Removes what a transfer that was dropped has left, unless somebody else goes on with it.
    pub(super) async fn clean_up(&self, mut lock: Lock<'_>) -> Result<(), Error> {
        let Ok(Turn::Mine(held)) = tokio::time::timeout(PATIENCE, lock.turn()).await else {
            return Ok(());
        };
        let remove = async {
            // Podman notices only now that nobody waits for its answer.
            tokio::time::sleep(PATIENCE).await;
            let id = self.delivery.image.id();
            let image = self.engine.inspect(ImageName::Id(&id)).await?;
            if image.is_some_and(|image| image.references.is_empty()) {
                self.engine.remove_image(&id).await?;
            }
            remains::remove(&self.delivery, self.engine).await
        };
        held.during(remove).await
    }

    /// Gives the image the names that it lacks; `false` if it is not there.
    ///
    /// It is asked for once, and not tagged under each name, because podman writes its whole list of images for each
    /// tag: with 2,000 images that takes 30 to 50 ms, and the question 6.
    async fn name_all(&self) -> Result<bool, Error> {
        let delivery = &self.delivery;
        let id = delivery.image.id();
        let Some(image) = self.engine.inspect(ImageName::Id(&id)).await? else {
            return Ok(false);
        };
        if !delivery.has_layers(&image) {
            let found = format!("an image with {} other layers", image.diff_ids.len());
            return Err(delivery.wrong_image(&id.to_string(), &found));
        }
        delivery.settle(self.engine, &image).await
    }

    /// Makes podman have the image, under its first name or none.
    async fn bring(&self) -> Result<(), Error> {
        let tally = self.delivery.tally;
        tally.set_remains(true);
        let brought = self.try_to_bring().await;
        if let Err(Error::Refused { .. } | Error::KeepsLosingLayers { .. }) = brought {
            // The error is what matters; and an engine whose disk is full may not be able to tidy up either.
            let _ = remains::remove(&self.delivery, self.engine).await;
        }
        tally.set_remains(false);
        let id = brought?;
        let expected = self.delivery.image.id();
        match id {
            Some(id) if id != expected => Err(self
                .delivery
                .wrong_image(&expected.to_string(), &id.to_string())),
            _ => Ok(()),
        }
    }

    async fn try_to_bring(&self) -> Result<Option<Digest>, Error> {
        if self.engine.may_load_directories() {
            match directory::load(&self.delivery, self.engine).await? {
                Local::Done(id) => return Ok(id),
                // Usual where podman runs in a virtual machine, or this program in a sandbox.
                Local::OutOfSight(why) => self.delivery.note(format!(
                    "the engine cannot load a directory of this machine: {why}"
                )),
            }
        }
        upload::upload(&self.delivery, self.engine).await
    }

    fn loaded(&self, outcome: Outcome) -> Loaded {
        Loaded {
            image_id: self.delivery.image.id(),
            outcome,
            store: Store::ContainersStorage,
        }
    }
}
