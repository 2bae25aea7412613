//! What is pushed: an artifact under its names.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use stevedore_image::destinations::Destination;
use stevedore_image::digest::Digest;
use stevedore_registry::Delivered;

use super::artifact::{Artifact, Kind};
use crate::report::{ImageReport, LayerCounts, Outcome};

/// An image or index that is to be pushed, where it goes, and what has become of that so far.
#[derive(Debug)]
pub struct Parcel {
    artifact: Artifact,
    destinations: Vec<Destination>,
    /// The layers that had to be asked for, and how they got there; `None` as long as they have not.
    layers: RefCell<HashMap<Digest, Option<Delivered>>>,
    /// How many of its destinations are as they should be, and whether that took anything.
    arrived: Cell<usize>,
    has_changed: Cell<bool>,
}

impl Parcel {
    /// One for which nothing was done yet.
    pub fn new(artifact: Artifact, destinations: Vec<Destination>) -> Self {
        Self {
            artifact,
            destinations,
            layers: RefCell::default(),
            arrived: Cell::new(0),
            has_changed: Cell::new(false),
        }
    }

    /// What is pushed.
    pub fn artifact(&self) -> &Artifact {
        &self.artifact
    }

    /// Where it goes.
    pub fn destinations(&self) -> &[Destination] {
        &self.destinations
    }

    /// Its names: `repository:tag`, or `repository@digest` where it has no tag.
    pub fn references(&self) -> Vec<String> {
        let digest = self.artifact.digest();
        let names = self.destinations.iter().flat_map(|destination| {
            let repository = destination.repository.familiar();
            match destination.tags.as_slice() {
                [] => vec![format!("{repository}@{digest}")],
                tags => tags
                    .iter()
                    .map(|tag| format!("{repository}:{tag}"))
                    .collect(),
            }
        });
        names.collect()
    }

    /// How it ended, if it has.
    pub fn outcome(&self) -> Outcome {
        match self.arrived.get() == self.destinations.len() {
            false => Outcome::Failed,
            true if self.has_changed.get() => Outcome::Pushed,
            true => Outcome::Unchanged,
        }
    }

    /// What became of the layers so far; it tells the truth after a failure too.
    pub fn layers(&self) -> LayerCounts {
        let asked = self.layers.borrow();
        let is_there = self.outcome() != Outcome::Failed;
        let mut counts = LayerCounts {
            mounted: Some(0),
            ..LayerCounts::default()
        };
        for blob in self.artifact.all_blobs().filter(|blob| blob.is_layer()) {
            counts.total += 1;
            match asked.get(&blob.blob().digest) {
                Some(Some(Delivered::Sent)) => counts.sent += 1,
                Some(Some(Delivered::Mounted)) => *counts.mounted.get_or_insert(0) += 1,
                Some(Some(_)) => counts.present += 1,
                Some(None) => {}
                None if is_there => counts.present += 1,
                None => {}
            }
        }
        counts
    }

    /// What the report says of it.
    pub fn report(&self) -> ImageReport {
        ImageReport {
            label: self.artifact.label().to_owned(),
            image_id: match self.artifact.kind() {
                Kind::Image { config, .. } => Some(config.to_string()),
                Kind::Index(_) => None,
            },
            manifest_digest: Some(self.artifact.digest().to_string()),
            references: self.references(),
            layers: self.layers(),
            outcome: self.outcome(),
        }
    }

    /// A blob is being asked for, or sent.
    pub(super) fn wants(&self, digest: Digest) {
        self.layers.borrow_mut().entry(digest).or_default();
    }

    /// A blob is there.
    pub(super) fn has(&self, digest: Digest, delivered: Delivered) {
        self.layers.borrow_mut().insert(digest, Some(delivered));
    }

    /// One of its destinations is as it should be.
    pub(super) fn arrive(&self, has_changed: bool) {
        self.arrived.set(self.arrived.get() + 1);
        self.has_changed.set(self.has_changed.get() || has_changed);
    }
}
