//! What may have to be sent: each blob once for each registry, and from there to the other repositories.

use std::cell::Cell;
use std::collections::HashMap;
use std::io;

use stevedore_image::digest::Digest;
use stevedore_image::repository::Repository;
use stevedore_registry::Delivered;
use tokio::sync::Semaphore;

use super::blob_file::BlobFile;
use super::stop::Stop;
use crate::error::Error;
use crate::event::Observer;

/// All blobs that registries may lack.
pub(super) struct Needs<'s, 'a> {
    all: Vec<Need<'s, 'a>>,
}

/// A blob, and the stops at one registry that want it.
pub(super) struct Need<'s, 'a> {
    blob: &'a BlobFile,
    /// Where it goes first, and, from there, to others: one stop for each repository.
    stops: Vec<&'s Stop<'a>>,
}

impl<'s, 'a> Needs<'s, 'a> {
    /// What `stops` want, each blob once.
    pub(super) fn of(stops: &'s [Stop<'a>]) -> Self {
        let mut all: Vec<Need<'s, 'a>> = Vec::new();
        let mut places: HashMap<(&str, Digest), usize> = HashMap::new();
        for stop in stops {
            for blob in stop.wanted() {
                stop.parcel.wants(blob.blob().digest);
                let key = (stop.destination.repository.domain(), blob.blob().digest);
                let place = *places.entry(key).or_insert_with(|| {
                    all.push(Need {
                        blob,
                        stops: Vec::new(),
                    });
                    all.len() - 1
                });
                all[place].add(stop);
            }
        }
        Self { all }
    }

    pub(super) fn all(&self) -> &[Need<'s, 'a>] {
        &self.all
    }
}

impl<'s, 'a> Need<'s, 'a> {
    /// One stop wants a blob.
    pub(super) fn of_one(blob: &'a BlobFile, stop: &'s Stop<'a>) -> Self {
        Self {
            blob,
            stops: vec![stop],
        }
    }

    /// One more stop wants the blob, or wants it for another of its images.
    fn add(&mut self, stop: &'s Stop<'a>) {
        if !self.stops.iter().any(|known| std::ptr::eq(*known, stop)) {
            self.stops.push(stop);
        }
    }

    /// Sees that all stops get the blob: the first one, and the others from there.
    pub(super) async fn meet(&self, turns: &Semaphore, observer: &Observer) -> Result<(), Error> {
        let mut done: Vec<&Repository> = Vec::new();
        for stop in &self.stops {
            let repository = &stop.destination.repository;
            if done.contains(&repository) {
                stop.parcel.has(self.digest(), Delivered::Present);
                continue;
            }
            let delivered = self
                .give(stop, done.first().copied(), turns, observer)
                .await?;
            // What one image has sent is there for the next.
            let counted = match done.is_empty() {
                true => delivered,
                false => Delivered::Present,
            };
            stop.parcel.has(self.digest(), counted);
            done.push(repository);
        }
        Ok(())
    }

    /// Gives the blob to a stop, by mounting it from `pushed`, or from where it was pulled, or else by sending it, unless it is
    /// there.
    async fn give(
        &self,
        stop: &Stop<'_>,
        pushed: Option<&Repository>,
        turns: &Semaphore,
        observer: &Observer,
    ) -> Result<Delivered, Error> {
        let own = &stop.destination.repository;
        let pulled = self.blob.repository();
        let pulled = pulled.filter(|from| from.domain() == own.domain() && *from != own);
        let mount = pushed.or(pulled);
        let failed = |error| Error::registry(self.blob.label(), error);
        if mount.is_none() {
            let is_there = stop.repository.has_blob(self.digest()).await;
            if is_there.map_err(failed)? {
                return Ok(Delivered::Present);
            }
            if self.blob.is_in_no_file() {
                // Before an upload begins, which a registry does not keep waiting for ever.
                let _turn = turns.acquire().await;
                self.blob.fetch().await?;
            }
        }
        let reader = self.blob.reader(observer);
        let fetch_failed = Cell::new(None);
        let turn = async || {
            let turn = turns.acquire().await;
            let fetched = self.blob.fetch().await;
            fetched.map(|()| turn).map_err(|error| {
                fetch_failed.set(Some(error));
                io::ErrorKind::Other.into()
            })
        };
        let content = self.blob.content();
        let given = stop.repository.give_blob(content, mount, &reader, turn);
        let given = given.await;
        given.map_err(|error| fetch_failed.take().unwrap_or_else(|| failed(error)))
    }

    /// Sends the blob, whether it is there or not.
    pub(super) async fn send(&self, turns: &Semaphore, observer: &Observer) -> Result<(), Error> {
        self.blob.fetch().await?;
        let reader = self.blob.reader(observer);
        for stop in &self.stops {
            let turn = async || Ok(turns.acquire().await);
            let sent = stop
                .repository
                .give_blob(self.blob.content(), None, &reader, turn)
                .await;
            let delivered = sent.map_err(|error| Error::registry(self.blob.label(), error))?;
            stop.parcel.has(self.digest(), delivered);
        }
        Ok(())
    }

    fn digest(&self) -> Digest {
        self.blob.blob().digest
    }
}
