//! containerd, by its own services.
//!
//! 1. A lease, under which everything is done: what is made through it, and what that refers to, is not collected.
//! 2. The config and the manifest, whose labels refer to the layers and to the unpacked image. From here on what is
//!    there of these stays there.
//! 3. The layers' blobs that are not there, and meanwhile each layer is unpacked as soon as its blob is there.
//! 4. The names, and a label that says that the image was found complete. That label, and what containerd's garbage
//!    collector promises, is what an unchanged image is known by.

mod contents;
mod unpacking;

use std::collections::BTreeMap;

use futures_util::future;
use stevedore_engine::{Containerd, Error as EngineError, GrpcCode, Lease, Refusal, Store};
use stevedore_image::digest::Digest;
use stevedore_image::load_manifest::LoadManifest;

use super::delivery::Delivery;
use super::strategy::Strategy;
use super::Loaded;
use crate::error::Error;
use crate::report::Outcome;
use crate::source::SourceError;
use contents::{Contents, Progress};

/// How often a transfer is begun again because something was removed meanwhile.
const MAX_TRANSFERS: usize = 3;

/// The label of a name whose image was complete when it got this name: the digest of its manifest.
const COMPLETE_LABEL: &str = "rules-stevedore/complete";

/// The label of such a name that says which snapshotter has the unpacked image.
const SNAPSHOTTER_LABEL: &str = "rules-stevedore/snapshotter";

/// A delivery into containerd.
pub(super) struct IntoContainerd<'a> {
    delivery: Delivery<'a>,
    engine: &'a Containerd,
    manifest: LoadManifest,
    id: Digest,
    chain: Vec<Digest>,
}

impl<'a> IntoContainerd<'a> {
    pub(super) fn new(delivery: Delivery<'a>, engine: &'a Containerd) -> Result<Self, Error> {
        let description = delivery.image.description();
        let manifest = LoadManifest::of_blobs(description)
            .map_err(|source| delivery.description_error(source))?;
        Ok(Self {
            chain: description.chain_ids(),
            id: manifest.descriptor().digest,
            manifest,
            engine,
            delivery,
        })
    }
}

impl Strategy for IntoContainerd<'_> {
    /// One request a name, and two.
    async fn adopt(&self) -> Result<Option<Loaded>, Error> {
        if self.delivery.references.is_empty() {
            return Err(Error::NoName {
                label: self.delivery.label(),
            });
        }
        let mut snapshotter = None;
        for reference in self.delivery.references {
            match self.engine.image(&reference.normalized()).await? {
                Some(image) if image.target == self.id && is_complete(&image.labels, self.id) => {
                    snapshotter = image.labels.get(SNAPSHOTTER_LABEL).cloned();
                }
                _ => return Ok(None),
            }
        }
        let held = self.is_held_together();
        let unpacked = self.is_unpacked(snapshotter.as_deref());
        if future::try_join(held, unpacked).await? != (true, true) {
            return Ok(None);
        }
        self.delivery.tally.set(self.delivery.layer_count(), 0);
        Ok(Some(self.loaded(Outcome::Unchanged)))
    }

    async fn transfer(&self) -> Result<Loaded, Error> {
        let snapshotter = self.engine.default_snapshotter().await?;
        self.engine.end_leases_of_the_dead().await?;
        for _ in 0..MAX_TRANSFERS {
            let lease = self.engine.lease().await?;
            let transferred = self.transfer_under(&lease, &snapshotter).await;
            // What a failed transfer has left is gone when this is over. If it cannot be ended, it ends by itself.
            let _ = lease.end(transferred.is_err()).await;
            match transferred {
                Err(Error::Engine(error)) if error.grpc_code() == Some(GrpcCode::NotFound) => {
                    self.delivery
                        .fall_back(&format!("something was removed meanwhile ({error}): again"));
                }
                Err(error) => return Err(self.understood(error)),
                Ok(()) => return Ok(self.loaded(Outcome::Loaded)),
            }
        }
        Err(self.delivery.keeps_losing(MAX_TRANSFERS))
    }
}

impl IntoContainerd<'_> {
    /// Tells a file that cannot be sent, and a full disk, from other errors.
    fn understood(&self, error: Error) -> Error {
        let label = self.delivery.label();
        match error {
            Error::Engine(EngineError::BlobSource { digest, source }) => {
                match source.downcast::<SourceError>() {
                    Ok(source) => Error::Source {
                        label,
                        source: Box::new(source),
                    },
                    Err(source) => Error::Engine(EngineError::BlobSource { digest, source }),
                }
            }
            Error::Engine(EngineError::Grpc { ref message, .. }) => {
                let source = Refusal {
                    message: message.clone(),
                };
                match source.is_disk_full() {
                    true => Error::Refused { label, source },
                    false => error,
                }
            }
            other => other,
        }
    }

    /// Whether the manifest is there, with the labels that keep the config and the layers from being collected.
    async fn is_held_together(&self) -> Result<bool, Error> {
        let found = self.engine.content().info(&self.id).await?;
        let expected = contents::manifest_labels(&self.manifest);
        Ok(found.is_some_and(|found| {
            let mut expected = expected.iter();
            expected.all(|(key, value)| found.labels.get(key) == Some(value))
        }))
    }

    async fn is_unpacked(&self, snapshotter: Option<&str>) -> Result<bool, Error> {
        match (snapshotter, self.chain.last()) {
            (Some(snapshotter), Some(top)) => {
                Ok(self.engine.snapshots(snapshotter).has(top).await?)
            }
            _ => Ok(true),
        }
    }

    async fn transfer_under(&self, lease: &Lease<'_>, snapshotter: &str) -> Result<(), Error> {
        let snapshots = lease.snapshots(snapshotter);
        let contents = Contents::new(&self.delivery, &self.manifest, lease.content());
        let unpacks = self.knows(snapshotter).await?;
        let top = self.chain.last().filter(|_| unpacks);
        contents.write_metadata(snapshotter, top).await?;
        let missing = contents.missing().await?;
        let progress = Progress::new(missing.first_index());
        let sending = contents.send(missing, &progress);
        if unpacks {
            future::try_join(sending, self.unpack(&snapshots, &progress)).await?;
        } else {
            sending.await?;
        }
        self.name(top.map(|_| snapshotter)).await
    }

    /// Whether containerd has the snapshotter; `ctr` and Kubernetes unpack an image themselves if need be.
    async fn knows(&self, snapshotter: &str) -> Result<bool, Error> {
        let Some(top) = self.chain.last() else {
            return Ok(true);
        };
        match self.engine.snapshots(snapshotter).has(top).await {
            Err(error) if error.grpc_code() == Some(GrpcCode::InvalidArgument) => {
                self.delivery.note(format!(
                    "containerd has no snapshotter `{snapshotter}`: the image is not unpacked"
                ));
                Ok(false)
            }
            other => Ok(other.map(|_| true)?),
        }
    }

    /// Lets all names stand for the image, which is complete.
    async fn name(&self, snapshotter: Option<&str>) -> Result<(), Error> {
        let complete = (COMPLETE_LABEL.to_owned(), self.id.to_string());
        let snapshotter = snapshotter.map(|name| (SNAPSHOTTER_LABEL.to_owned(), name.to_owned()));
        let labels: BTreeMap<String, String> = [complete].into_iter().chain(snapshotter).collect();
        let target = self.manifest.descriptor();
        for reference in self.delivery.references {
            self.engine
                .name_image(&reference.normalized(), &target, &labels)
                .await?;
        }
        Ok(())
    }

    fn loaded(&self, outcome: Outcome) -> Loaded {
        Loaded {
            image_id: self.id,
            outcome,
            store: Store::Containerd,
        }
    }
}

fn is_complete(labels: &BTreeMap<String, String>, id: Digest) -> bool {
    labels.get(COMPLETE_LABEL) == Some(&id.to_string())
}
