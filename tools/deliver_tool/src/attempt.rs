//! One delivery from its first file to its report.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Instant;

use stevedore_delivery::{Consignment, Destination, ImageReport, Outcome, Pulls, Report};
use stevedore_engine::{Connection, Store};
use stevedore_image::reference::Reference;
use stevedore_wire::Traffic;

use crate::pulls;

/// What is known so far of a delivery: it can be reported at any moment, also when a signal ends it.
pub(crate) struct Attempt {
    started: Instant,
    /// All names that images get by their files and by flags.
    pub(crate) references: OnceCell<Vec<Reference>>,
    pub(crate) consignments: OnceCell<Vec<Consignment>>,
    pub(crate) engine: OnceCell<Connection>,
    pub(crate) traffic: Traffic,
    /// What fetches layers that are in no file.
    pub(crate) pulls: OnceCell<Rc<Pulls>>,
}

impl Attempt {
    /// One about which nothing is known but when the program was `started`.
    pub(crate) fn new(started: Instant) -> Self {
        Self {
            started,
            references: OnceCell::new(),
            consignments: OnceCell::new(),
            engine: OnceCell::new(),
            traffic: Traffic::default(),
            pulls: OnceCell::new(),
        }
    }

    /// The report.
    pub(crate) fn report(&self, result: &anyhow::Result<()>) -> Report {
        let images: Vec<_> = self.consignments().iter().map(report_image).collect();
        Report {
            kind: "load",
            image_id: match &images[..] {
                [image] => image.image_id.clone(),
                _ => None,
            },
            manifest_digest: self.manifest_digest(),
            references: self.references(),
            destination: self.destination(),
            layers: images.iter().map(|image| image.layers).sum(),
            requests: self.traffic.requests(),
            bytes_sent: self.traffic.bytes_sent(),
            elapsed_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            outcome: if result.is_err() {
                Outcome::Failed
            } else if images
                .iter()
                .all(|image| image.outcome == Outcome::Unchanged)
            {
                Outcome::Unchanged
            } else {
                Outcome::Loaded
            },
            fetched: pulls::report(self.pulls.get()),
            images,
            error: result.as_ref().err().map(|error| format!("{error:#}")),
        }
    }

    /// The digest of the manifest under which the one image is there, where that is its ID.
    fn manifest_digest(&self) -> Option<String> {
        let [consignment] = self.consignments() else {
            return None;
        };
        let loaded = consignment.loaded()?;
        (loaded.store == Store::Containerd).then(|| loaded.image_id.to_string())
    }

    /// The names of the images; those of their files as long as nobody knows which images they are.
    fn references(&self) -> Vec<String> {
        match self.consignments() {
            [] => self.references.get().map_or(Vec::new(), |all| names(all)),
            consignments => {
                let references = consignments.iter().map(Consignment::references);
                references.flat_map(names).collect()
            }
        }
    }

    /// What is delivered; nothing as long as the images' files were not read.
    pub(crate) fn consignments(&self) -> &[Consignment] {
        self.consignments.get().map_or(&[], Vec::as_slice)
    }

    /// The targets of the images that something was being done for.
    pub(crate) fn images_under_way(&self) -> Vec<&str> {
        self.consignments()
            .iter()
            .filter(|consignment| consignment.is_under_way())
            .map(|consignment| consignment.image().label())
            .collect()
    }

    fn destination(&self) -> Option<Destination> {
        let identity = self.engine.get()?.identity();
        let mut loaded = self.consignments().iter().filter_map(Consignment::loaded);
        Some(Destination {
            kind: identity.kind.to_string(),
            version: Some(identity.version.clone()),
            store: loaded.next().map(|loaded| loaded.store.to_string()),
            address: None,
        })
    }
}

/// References as Docker shows them.
pub(crate) fn names(references: &[Reference]) -> Vec<String> {
    references.iter().map(Reference::familiar).collect()
}

fn report_image(consignment: &Consignment) -> ImageReport {
    let loaded = consignment.loaded();
    let predicted = consignment.image().id();
    ImageReport {
        label: consignment.image().label().to_owned(),
        image_id: Some(
            loaded
                .map_or(predicted, |loaded| loaded.image_id)
                .to_string(),
        ),
        manifest_digest: None,
        references: names(consignment.references()),
        layers: consignment.layers(),
        outcome: loaded.map_or(Outcome::Failed, |loaded| loaded.outcome),
    }
}
