//! Several images into Docker, in one upload where that sends less.

use stevedore_engine::{Docker, Engine, EngineKind, Store};

use super::delivery::Delivery;
use super::docker::IntoDocker;
use super::strategy::Strategy;
use super::{graphdriver, Manner};
use crate::consignment::Consignment;
use crate::error::Error;
use crate::lock::{Lock, LockKey, Turn};

/// Loads what can be loaded together; the others are left as they are, to be loaded one after the other.
///
/// Only graph driver storage would get a layer twice: all others know it by itself, whatever lies below it.
pub(super) async fn load(
    engine: &Docker,
    consignments: &[Consignment],
    manner: &Manner,
) -> Result<(), Error> {
    if engine.identity().kind == EngineKind::Podman {
        return Ok(());
    }
    let keys = consignments
        .iter()
        .map(|consignment| LockKey::new(engine.address(), consignment.image().id()));
    let mut lock = Lock::new(&manner.locks, keys, &manner.observer);
    loop {
        let lacking = adopt(engine, consignments, manner).await?;
        if lacking.len() < 2 || engine.store().await? != Store::Graphdriver {
            return Ok(());
        }
        match lock.turn().await {
            Turn::LookAgain => {}
            Turn::Mine(held) => return held.during(transfer(engine, &lacking, manner)).await,
        }
    }
}

/// Gives those of which something must be sent.
async fn adopt<'a>(
    engine: &Docker,
    consignments: &'a [Consignment],
    manner: &Manner,
) -> Result<Vec<&'a Consignment>, Error> {
    let mut lacking = Vec::new();
    for consignment in consignments {
        if consignment.loaded().is_some() {
            continue;
        }
        consignment.begin();
        let delivery = Delivery::new(consignment, manner);
        match (IntoDocker { delivery, engine }).adopt().await? {
            Some(loaded) => consignment.finish(loaded),
            None => {
                consignment.pause();
                lacking.push(consignment);
            }
        }
    }
    Ok(lacking)
}

async fn transfer(engine: &Docker, lacking: &[&Consignment], manner: &Manner) -> Result<(), Error> {
    let deliveries: Vec<_> = lacking
        .iter()
        .map(|consignment| Delivery::new(consignment, manner))
        .collect();
    lacking.iter().for_each(|consignment| consignment.begin());
    let loaded = match graphdriver::transfer_many(&deliveries, engine).await {
        Ok(loaded) => loaded,
        // One that cannot be read keeps no other one from being loaded.
        Err(error) if error.is_about_image() => Vec::new(),
        Err(error) => return Err(error),
    };
    lacking.iter().for_each(|consignment| consignment.pause());
    for (consignment, loaded) in lacking.iter().zip(loaded) {
        if let Some(loaded) = loaded {
            consignment.finish(loaded);
        }
    }
    Ok(())
}
