//! Layers that are in no file: their blobs are fetched from the registry that has them, when somebody needs the bytes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;

use serde::Serialize;
use stevedore_image::description::{BlobDescription, LayerDescription, Remote};
use stevedore_image::digest::Digest;
use stevedore_image::media_type;
use stevedore_image::repository::Repository;
use stevedore_registry::{Error as RegistryError, Mirror, Registries};

use crate::content_cache::ContentCache;
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::lock::{Lock, LockKey, LockPlaces, Turn};

/// Makes what talks to registries, given the mirrors to use, and whether plain HTTP will do.
pub type Connect = Box<dyn Fn(Vec<Mirror>, bool) -> Registries>;

/// Fetches blobs, and keeps them: each is fetched once on this machine, however many processes want it.
pub struct Pulls {
    cache: ContentCache,
    locks: LockPlaces,
    observer: Observer,
    connect: Connect,
    registries: RefCell<HashMap<Way, Rc<Registries>>>,
    fetched: RefCell<Fetched>,
}

/// A mirror, as [`Mirror`] parses it, and whether plain HTTP will do.
type Way = (Option<String>, bool);

/// What was fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fetched {
    /// The number of blobs.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A blob that a registry has.
#[derive(Clone, Debug)]
pub struct RemoteBlob {
    /// The target of the image, or whoever else wants it; for messages.
    pub label: String,
    /// What it is.
    pub blob: BlobDescription,
    /// Where it is.
    pub repository: Repository,
    /// How that is reached.
    pub remote: Remote,
}

impl RemoteBlob {
    /// The blob of a layer, wanted for the image `label`; `None` if its description does not say where it is.
    pub(crate) fn of_layer(label: &str, layer: &LayerDescription) -> Option<Self> {
        Some(Self {
            label: label.to_owned(),
            blob: layer.blob.clone()?,
            repository: layer.repository.clone()?,
            remote: layer.remote.clone()?,
        })
    }
}

impl Pulls {
    /// Nothing was fetched yet.
    pub fn new(
        cache: ContentCache,
        locks: LockPlaces,
        observer: Observer,
        connect: Connect,
    ) -> Self {
        Self {
            cache,
            locks,
            observer,
            connect,
            registries: RefCell::default(),
            fetched: RefCell::default(),
        }
    }

    /// What was fetched so far; what was there does not count.
    pub fn fetched(&self) -> Fetched {
        *self.fetched.borrow()
    }

    /// The file with a blob, which is fetched unless it is there.
    ///
    /// # Errors
    /// If no registry gives it, or other bytes, or they cannot be kept.
    pub async fn obtain(&self, wanted: &RemoteBlob) -> Result<PathBuf, Error> {
        let content = wanted.blob.content();
        let mut lock = Lock::new(
            &self.locks,
            [LockKey::of_blob(content.digest)],
            &self.observer,
        );
        loop {
            if let Some(path) = self.cache.find(content) {
                return Ok(path);
            }
            if let Turn::Mine(held) = lock.turn().await {
                // Whoever had the lock may have brought it between the look and the lock.
                return match self.cache.find(content) {
                    Some(path) => Ok(path),
                    None => held.during(self.fetch(wanted)).await,
                };
            }
        }
    }

    /// Removes a blob whose content has turned out to be wrong.
    pub fn forget(&self, blob: Digest) {
        self.cache.forget(blob);
    }

    async fn fetch(&self, wanted: &RemoteBlob) -> Result<PathBuf, Error> {
        if media_type::is_foreign(&wanted.blob.media_type) {
            return Err(Error::ForeignLayer {
                label: wanted.label.clone(),
                digest: wanted.blob.digest,
                media_type: wanted.blob.media_type.clone(),
            });
        }
        (self.observer)(Event::Fetching {
            label: wanted.label.clone(),
            repository: wanted.repository.familiar(),
            bytes: wanted.blob.size,
        });
        for mirror in &wanted.remote.mirrors {
            match self.fetch_from(wanted, Some(mirror)).await {
                Ok(path) => return Ok(path),
                Err(error) => (self.observer)(Event::FellBack {
                    reason: format!(
                        "the mirror `{mirror}` does not have a blob of `{}` ({}): asking the next one",
                        wanted.label,
                        error.causes()
                    ),
                }),
            }
        }
        self.fetch_from(wanted, None).await
    }

    async fn fetch_from(
        &self,
        wanted: &RemoteBlob,
        mirror: Option<&str>,
    ) -> Result<PathBuf, Error> {
        let content = wanted.blob.content();
        let failed = |source: RegistryError| Error::Fetch {
            label: wanted.label.clone(),
            repository: wanted.repository.familiar(),
            source: Box::new(source),
        };
        let keep_failed = |source| {
            failed(RegistryError::Sink {
                digest: content.digest,
                source,
            })
        };
        let registries = self.registries(wanted, mirror)?;
        let repository = registries.read_only(&wanted.repository).map_err(failed)?;
        let mut attempts = 0;
        loop {
            let mut partial = self.cache.begin(content.digest).map_err(keep_failed)?;
            let resumed = partial.is_begun();
            let fetched = repository.fetch_blob(content, &mut partial).await;
            if let Err(error) = fetched {
                return Err(failed(error));
            }
            attempts += 1;
            match partial.finish(content.digest).map_err(keep_failed)? {
                Ok(path) => {
                    let mut fetched = self.fetched.borrow_mut();
                    fetched.blobs += 1;
                    fetched.bytes += content.size;
                    return Ok(path);
                }
                // What an earlier attempt had left may have been wrong.
                Err(_) if resumed && attempts < 2 => {}
                Err(found) => {
                    return Err(Error::FetchedDigest {
                        label: wanted.label.clone(),
                        repository: wanted.repository.familiar(),
                        expected: content.digest,
                        found,
                    })
                }
            }
        }
    }

    fn registries(
        &self,
        wanted: &RemoteBlob,
        mirror: Option<&str>,
    ) -> Result<Rc<Registries>, Error> {
        let rule = mirror.map(|mirror| format!("{}={mirror}", wanted.repository.domain()));
        let key = (rule, wanted.remote.insecure);
        if let Some(known) = self.registries.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        let mirrors = key.0.iter().map(|rule| rule.parse());
        let mirrors = mirrors
            .collect::<Result<Vec<Mirror>, _>>()
            .map_err(|source| Error::Mirror {
                label: wanted.label.clone(),
                source,
            })?;
        let registries = Rc::new((self.connect)(mirrors, key.1));
        let mut all = self.registries.borrow_mut();
        all.insert(key, Rc::clone(&registries));
        Ok(registries)
    }
}

impl fmt::Debug for Pulls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Pulls")
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}
