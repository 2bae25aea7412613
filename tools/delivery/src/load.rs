//! Delivering images into a container engine.

mod containerd;
mod containerd_store;
mod delivery;
mod docker;
mod graphdriver;
mod naming;
mod podman;
mod presence;
mod strategy;
mod together;

use std::cell::{Cell, OnceCell, RefCell};

use stevedore_engine::{Connection, Store};
use stevedore_image::digest::Digest;
use stevedore_image::reference::Reference;

use crate::consignment::Consignment;
use crate::error::Error;
use crate::event::Observer;
use crate::lock::{Lock, LockKey, LockPlaces, Turn};
use crate::mark::Mark;
use crate::purpose::Purpose;
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
pub(crate) struct Tally {
    present: Cell<usize>,
    sent: Cell<usize>,
    /// Whether the engine may have something that is no image: what came before a load was dropped.
    remains: Cell<bool>,
    /// What the image is called if it is new, once that was asked for.
    names: OnceCell<Vec<Reference>>,
    /// Other images that were seen to have some of the names, and their marks of these.
    holders: RefCell<Vec<(Digest, Vec<Mark>)>>,
}

impl Tally {
    fn set_remains(&self, remains: bool) {
        self.remains.set(remains);
    }

    fn set(&self, present: usize, sent: usize) {
        self.present.set(present);
        self.sent.set(sent);
    }

    /// The counts for an image that has `total` layers.
    pub(crate) fn counts(&self, total: usize) -> LayerCounts {
        LayerCounts {
            total,
            present: self.present.get(),
            sent: self.sent.get(),
            mounted: None,
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
    /// What the images are loaded for. In containerd that changes nothing: marks would have to be asked for there.
    pub purpose: Purpose,
}

/// Makes `engine` have all `consignments`, each image under all its names, and sends only what it lacks.
///
/// Whatever the engine is, the steps are the same: if the complete image is there under all its names, nothing is sent.
/// Else what is missing is sent, the engine's image is compared with the one that was built, and its names move when
/// it has proved complete. Of several processes that find the same image missing, one sends it, and the others wait.
///
/// A layer that several images have is sent once. The images come one after the other; where that would send a layer
/// twice, those that are missing come in one upload.
///
/// # Errors
/// If the files of an image cannot be used, or the engine fails or refuses. The images that were complete by then stay
/// ([`Consignment::loaded`]). No name of the others has moved, unless the connection broke after all was sent and the
/// engine goes on by itself: then the image is complete.
pub async fn load(
    engine: &Connection,
    consignments: &[Consignment],
    manner: &Manner,
) -> Result<(), Error> {
    if let (Connection::Docker(engine), [_, _, ..]) = (engine, consignments) {
        together::load(engine, consignments, manner).await?;
    }
    for consignment in consignments {
        if consignment.loaded().is_none() {
            consignment.begin();
            let delivery = Delivery::new(consignment, manner).among(consignments);
            consignment.finish(load_one(engine, delivery, manner).await?);
        }
    }
    Ok(())
}

/// Ends what a load that was dropped has begun, and removes what it has left: layers without an image, in podman.
///
/// # Errors
/// If the engine refuses, or cannot be reached.
pub async fn clean_up(
    engine: &Connection,
    consignments: &[Consignment],
    manner: &Manner,
) -> Result<(), Error> {
    engine.clean_up().await?;
    for consignment in consignments {
        if !consignment.tally().remains.get() {
            continue;
        }
        let delivery = Delivery::new(consignment, manner);
        let key = LockKey::new(engine.address(), consignment.image().id());
        let lock = Lock::new(&manner.locks, [key], &manner.observer);
        match engine {
            Connection::Docker(docker) => {
                if let Some(libpod) = docker.libpod() {
                    let engine = &libpod;
                    IntoPodman { delivery, engine }.clean_up(lock).await?;
                }
            }
            Connection::PodmanCommand(engine) => {
                IntoPodman { delivery, engine }.clean_up(lock).await?;
            }
            Connection::Containerd(_) => {}
        }
    }
    Ok(())
}

async fn load_one(
    engine: &Connection,
    delivery: Delivery<'_>,
    manner: &Manner,
) -> Result<Loaded, Error> {
    let key = LockKey::new(engine.address(), delivery.image.id());
    let lock = Lock::new(&manner.locks, [key], &manner.observer);
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
        }
    }
}
