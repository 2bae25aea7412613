//! The blobs of an image in containerd's content store.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use futures_util::{future, stream, StreamExt};
use stevedore_engine::{Content, NewBlob};
use stevedore_image::description::BlobDescription;
use stevedore_image::digest::Digest;
use stevedore_image::load_manifest::LoadManifest;
use tokio::sync::watch;

use super::Delivery;
use crate::error::Error;
use crate::source::{Checking, Layer};
use crate::upload::{read_blob, Pieces};

/// The label of a compressed layer that names its tar; others need not inflate it then.
const UNCOMPRESSED_LABEL: &str = "containerd.io/uncompressed";

/// The labels by which the garbage collector knows what a manifest refers to.
pub(super) fn manifest_labels(manifest: &LoadManifest) -> BTreeMap<String, String> {
    let config = (
        "containerd.io/gc.ref.content.config".to_owned(),
        manifest.config().digest.to_string(),
    );
    let layers = manifest.layers().iter().enumerate().map(|(index, layer)| {
        let key = format!("containerd.io/gc.ref.content.l.{index}");
        (key, layer.digest.to_string())
    });
    layers.chain([config]).collect()
}

/// How far the sending of layers has come, for who unpacks them.
pub(super) struct Progress {
    /// All layers below this place are there.
    sent: watch::Sender<usize>,
}

impl Progress {
    /// The layers below `first` are there.
    pub(super) fn new(first: usize) -> Self {
        Self {
            sent: watch::Sender::new(first),
        }
    }

    /// Waits until the layer at `index` is there.
    pub(super) async fn reaches(&self, index: usize) {
        // It fails only if the sender is gone, which is `self`.
        let _ = self.sent.subscribe().wait_for(|sent| *sent > index).await;
    }
}

/// Layers that are not there, each with its place in the image; one that occurs twice is named once.
pub(super) struct Missing {
    layers: Vec<(usize, Layer)>,
    /// The number of the image's layers.
    of: usize,
}

impl Missing {
    /// The place of the first one; the number of layers if none is missing.
    pub(super) fn first_index(&self) -> usize {
        self.layers.first().map_or(self.of, |(index, _)| *index)
    }
}

/// The blobs of an image on their way into a content store.
pub(super) struct Contents<'a> {
    delivery: &'a Delivery<'a>,
    manifest: &'a LoadManifest,
    store: Content,
}

impl<'a> Contents<'a> {
    pub(super) fn new(
        delivery: &'a Delivery<'a>,
        manifest: &'a LoadManifest,
        store: Content,
    ) -> Self {
        Self {
            delivery,
            manifest,
            store,
        }
    }

    /// Writes the config, which refers to the unpacked image `top`, and the manifest.
    pub(super) async fn write_metadata(
        &self,
        snapshotter: &str,
        top: Option<&Digest>,
    ) -> Result<(), Error> {
        let key = format!("containerd.io/gc.ref.snapshot.{snapshotter}");
        let unpacked = top.map(|top| (key, top.to_string())).into_iter().collect();
        let config = self.delivery.image.read_config()?;
        let config = self.write(self.manifest.config(), unpacked, config);
        let (descriptor, labels) = (self.manifest.descriptor(), manifest_labels(self.manifest));
        let manifest = self.write(&descriptor, labels, self.manifest.bytes().to_vec());
        future::try_join(config, manifest).await.map(drop)
    }

    async fn write(
        &self,
        blob: &BlobDescription,
        labels: BTreeMap<String, String>,
        bytes: Vec<u8>,
    ) -> Result<(), Error> {
        let blob = new_blob(blob, labels);
        let bytes = Bytes::from(bytes);
        let rest = |offset| {
            let offset = usize::try_from(offset).unwrap_or(usize::MAX);
            stream::iter([Ok(bytes.slice(offset.min(bytes.len())..))])
        };
        let written = self.store.write(&blob, rest).await;
        Ok(written.map(drop)?)
    }

    /// Finds out which layers' blobs are not there, and that their files are.
    pub(super) async fn missing(&self) -> Result<Missing, Error> {
        let blobs = self.manifest.layers();
        let digests: Vec<Digest> = blobs.iter().map(|blob| blob.digest).collect();
        let found = self.store.infos(&digests).await?;
        let is_missing = |index: &usize| found[*index].is_none();
        let missing: Vec<usize> = (0..blobs.len()).filter(is_missing).collect();
        self.delivery
            .tally
            .set(blobs.len() - missing.len(), missing.len());
        let mut seen = HashSet::new();
        let unique = missing
            .into_iter()
            .filter(|index| seen.insert(digests[*index]));
        Ok(Missing {
            layers: self.delivery.check_layers(unique).await?,
            of: blobs.len(),
        })
    }

    /// Sends the blobs of `missing`, from the bottom up.
    pub(super) async fn send(&self, missing: Missing, progress: &Progress) -> Result<(), Error> {
        let Missing { layers, of } = missing;
        let blobs = self.manifest.layers();
        let bytes = layers.iter().map(|(index, _)| blobs[*index].size).sum();
        self.delivery
            .tell_sending(layers.len(), self.delivery.layer_count(), bytes);
        let mut layers = layers.into_iter().peekable();
        while let Some((index, layer)) = layers.next() {
            self.send_layer(&blobs[index], layer).await?;
            let next = layers.peek().map_or(of, |(index, _)| *index);
            progress.sent.send_replace(next);
        }
        Ok(())
    }

    async fn send_layer(&self, blob: &BlobDescription, layer: Layer) -> Result<(), Error> {
        let diff_id = layer.description.diff_id;
        let uncompressed = (UNCOMPRESSED_LABEL.to_owned(), diff_id.to_string());
        let is_compressed = blob.digest != diff_id;
        let labels = is_compressed.then_some(uncompressed).into_iter().collect();
        let observer = self.delivery.observer.clone();
        let bytes = |offset| match read_blob(layer, offset, Checking::Here, Pieces::LARGE, observer)
        {
            Ok(bytes) => bytes.left_stream(),
            Err(error) => stream::iter([Err(error)]).right_stream(),
        };
        let written = self.store.write(&new_blob(blob, labels), bytes).await;
        Ok(written.map(drop)?)
    }
}

fn new_blob(blob: &BlobDescription, labels: BTreeMap<String, String>) -> NewBlob {
    NewBlob {
        digest: blob.digest,
        size: blob.size,
        labels,
    }
}
