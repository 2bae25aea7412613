//! Delivering an image into a container engine.

mod containerd;
mod containerd_store;
mod delivery;
mod docker;
mod graphdriver;
mod podman;
mod presence;
mod strategy;

use std::cell::Cell;

use stevedore_engine::{Connection, Store};
use stevedore_image::digest::Digest;
use stevedore_image::reference::Reference;

use crate::error::Error;
use crate::event::Observer;
use crate::image::Image;
use crate::lock::{Lock, LockKey, LockPlaces, Turn};
use crate::report::{LayerCounts, Outcome};
use containerd::IntoContainerd;
use delivery::Delivery;
use docker::IntoDocker;
use podman::IntoPodman;
use strategy::Strategy;

/// An image that an engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The ID that the engine gave it.
    pub image_id: Digest,
    /// [`Outcome::Loaded`] or [`Outcome::Unchanged`].
    pub outcome: Outcome,
    /// Where the engine keeps it.
    pub store: Store,
}

/// What became of the layers so far; it tells the truth after a failure too.
#[derive(Debug, Default)]
pub struct Tally {
    present: Cell<usize>,
    sent: Cell<usize>,
}

impl Tally {
    fn set(&self, present: usize, sent: usize) {
        self.present.set(present);
        self.sent.set(sent);
    }

    /// The counts for an image that has `total` layers.
    pub fn counts(&self, total: usize) -> LayerCounts {
        LayerCounts {
            total,
            present: self.present.get(),
            sent: self.sent.get(),
        }
    }
}

/// How loads are done, whatever they deliver.
#[derive(Clone)]
pub struct Manner {
    /// Whether the engine is asked to tell how far it is while it unpacks ([`crate::Event::Unpacking`]).
    pub narrate: bool,
    /// Who watches.
    pub observer: Observer,
    /// Where processes that load the same image find each other.
    pub locks: LockPlaces,
}

/// Makes `engine` have `image` under all of `references`, and sends only what it lacks.
///
/// Whatever the engine is, the steps are the same: if the complete image is there under all its names, nothing is sent.
/// Else what is missing is sent, the engine's image is compared with the one that was built, and its names move when
/// it has proved complete. Of several processes that find the same image missing, one sends it, and the others wait.
///
/// # Errors
/// If the image's files cannot be used, or the engine fails or refuses. No name has moved then, unless the connection
/// broke after all was sent and the engine goes on by itself: then the image is complete.
pub async fn load(
    engine: &Connection,
    image: &Image,
    references: &[Reference],
    manner: &Manner,
    tally: &Tally,
) -> Result<Loaded, Error> {
    let delivery = Delivery {
        image,
        references,
        observer: &manner.observer,
        narrate: manner.narrate,
        tally,
    };
    let key = LockKey::new(engine.address(), image.id());
    let lock = Lock::new(&manner.locks, &key, &manner.observer);
    match engine {
        Connection::Docker(docker) => match docker.libpod() {
            Some(libpod) => {
                let engine = &libpod;
                deliver(IntoPodman { delivery, engine }, lock).await
            }
            None => {
                let engine = docker;
                deliver(IntoDocker { delivery, engine }, lock).await
            }
        },
        Connection::PodmanCommand(engine) => deliver(IntoPodman { delivery, engine }, lock).await,
        Connection::Containerd(engine) => {
            deliver(IntoContainerd::new(delivery, engine)?, lock).await
        }
    }
}

async fn deliver(strategy: impl Strategy, mut lock: Lock<'_>) -> Result<Loaded, Error> {
    loop {
        if let Some(loaded) = strategy.adopt().await? {
            return Ok(loaded);
        }
        match lock.turn().await {
            Turn::LookAgain => {}
            Turn::Mine(held) => return held.during(strategy.transfer()).await,
            Turn::WithoutLock => return strategy.transfer().await,
        }
    }
}
