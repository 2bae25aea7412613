//! Delivering into registries: what a registry has is not sent, and a tag moves when everything that it stands for is there.

mod artifact;
mod blob_file;
mod needs;
mod parcel;
mod stop;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use stevedore_registry::{Error as RegistryError, Registries};
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::event::{Event, Observer};
pub use artifact::{Artifact, Kind};
use needs::Needs;
pub use parcel::Parcel;
use stop::Stop;

/// Questions that are asked at once. They are small, and what costs time is the way to the registry and back.
const QUESTIONS: usize = 64;

/// How a push is to be done.
pub struct PushManner {
    /// The number of blobs that are sent at once.
    pub jobs: usize,
    /// Is told what happens.
    pub observer: Observer,
}

/// Pushes all of `parcels`.
///
/// First all blobs, then the manifests of indexes' images, and last the tags: whatever fails, no tag stands for something
/// that is not complete. What the registry has, with all tags in their places, costs a question a tag.
///
/// # Errors
/// If a registry does not take it, or a file is missing. What was begun is then to be ended by
/// [`Registries::cancel_uploads`].
pub async fn push(
    registries: &Registries,
    parcels: &[Parcel],
    manner: &PushManner,
) -> Result<(), Error> {
    let mut stops = Vec::new();
    for parcel in parcels {
        for destination in parcel.destinations() {
            stops.push(Stop::new(registries, parcel, destination)?);
        }
    }
    for_each(&stops, async |stop| stop.look().await).await?;
    let needs = Needs::of(&stops);
    let turns = Semaphore::new(manner.jobs.max(1));
    let delivered = for_each(needs.all(), async |need| {
        need.meet(&turns, &manner.observer).await
    });
    delivered.await?;
    for_each(&stops, async |stop| stop.put_children().await).await?;
    for_each(&stops, async |stop| {
        put(stop, &turns, &manner.observer).await
    })
    .await
}

/// Puts the manifest and moves the tags; once more with all blobs if the registry lacks one that it said it had.
async fn put(stop: &Stop<'_>, turns: &Semaphore, observer: &Observer) -> Result<(), Error> {
    let put = stop.put().await;
    let Err(Error::Registry { label, source }) = &put else {
        return put;
    };
    let RegistryError::BlobUnknown { message, .. } = &**source else {
        return put;
    };
    observer(Event::FellBack {
        reason: format!("the registry lacks a blob of `{label}` that it said it had ({message}): all of them are sent"),
    });
    for_each(&stop.blobs(), async |need| need.send(turns, observer).await).await?;
    stop.put_children_anew().await?;
    stop.put().await
}

async fn for_each<'a, T>(
    all: &'a [T],
    act: impl AsyncFn(&'a T) -> Result<(), Error>,
) -> Result<(), Error> {
    let acting = all.iter().map(|one| act(one));
    stream::iter(acting)
        .buffer_unordered(QUESTIONS)
        .try_collect()
        .await
}
