//! One delivery from its first file to its report.

use std::cell::OnceCell;
use std::time::Instant;

use stevedore_delivery::{Destination, Image, LayerCounts, Loaded, Outcome, Report, Tally};
use stevedore_engine::{Connection, Traffic};
use stevedore_image::reference::Reference;

/// What is known so far of a delivery: it can be reported at any moment, also when a signal ends it.
pub(crate) struct Attempt {
    started: Instant,
    pub(crate) image: OnceCell<Image>,
    pub(crate) references: OnceCell<Vec<Reference>>,
    pub(crate) engine: OnceCell<Connection>,
    pub(crate) tally: Tally,
    pub(crate) traffic: Traffic,
}

impl Attempt {
    /// One about which nothing is known but when the program was `started`.
    pub(crate) fn new(started: Instant) -> Self {
        Self {
            started,
            image: OnceCell::new(),
            references: OnceCell::new(),
            engine: OnceCell::new(),
            tally: Tally::default(),
            traffic: Traffic::default(),
        }
    }

    /// The report.
    pub(crate) fn report(&self, result: &anyhow::Result<Loaded>) -> Report {
        let predicted = self.image.get().map(Image::id);
        let image_id = match result {
            Ok(loaded) => Some(loaded.image_id),
            Err(_) => predicted,
        };
        Report {
            kind: "load",
            image_id: image_id.map(|id| id.to_string()),
            manifest_digest: None,
            references: self.names(),
            destination: self.destination(result),
            layers: self.layers(),
            requests: self.traffic.requests(),
            bytes_sent: self.traffic.bytes_sent(),
            elapsed_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            outcome: match result {
                Ok(loaded) => loaded.outcome,
                Err(_) => Outcome::Failed,
            },
            error: result.as_ref().err().map(|error| format!("{error:#}")),
        }
    }

    /// The names that the image gets, as Docker shows them.
    pub(crate) fn names(&self) -> Vec<String> {
        let references = self.references.get().map(Vec::as_slice);
        let names = references.unwrap_or_default().iter();
        names.map(Reference::familiar).collect()
    }

    fn destination(&self, result: &anyhow::Result<Loaded>) -> Option<Destination> {
        let identity = self.engine.get()?.identity();
        Some(Destination {
            kind: identity.kind.to_string(),
            version: identity.version.clone(),
            store: result.as_ref().ok().map(|loaded| loaded.store.to_string()),
        })
    }

    fn layers(&self) -> LayerCounts {
        let image = self.image.get();
        self.tally
            .counts(image.map_or(0, |image| image.description().layers.len()))
    }
}
