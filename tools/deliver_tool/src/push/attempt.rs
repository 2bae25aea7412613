//! One push from its first file to its report.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Instant;

use stevedore_delivery::{Destination, ImageReport, Outcome, Parcel, Pulls, Report};
use stevedore_wire::Traffic;

use crate::pulls;

/// What is known so far of a push: it can be reported at any moment, also when a signal ends it.
pub(super) struct Attempt {
    started: Instant,
    pub(super) parcels: OnceCell<Vec<Parcel>>,
    pub(super) traffic: Traffic,
    /// What fetches layers that are in no file.
    pub(super) pulls: OnceCell<Rc<Pulls>>,
}

impl Attempt {
    /// One about which nothing is known but when the program was `started`.
    pub(super) fn new(started: Instant) -> Self {
        Self {
            started,
            parcels: OnceCell::new(),
            traffic: Traffic::default(),
            pulls: OnceCell::new(),
        }
    }

    /// What is pushed; nothing as long as the files were not read.
    pub(super) fn parcels(&self) -> &[Parcel] {
        self.parcels.get().map_or(&[], Vec::as_slice)
    }

    /// The report.
    pub(super) fn report(&self, result: &anyhow::Result<()>) -> Report {
        let images: Vec<_> = self.parcels().iter().map(Parcel::report).collect();
        let only = match &images[..] {
            [image] => Some(image),
            _ => None,
        };
        Report {
            kind: "push",
            image_id: only.and_then(|image| image.image_id.clone()),
            manifest_digest: only.and_then(|image| image.manifest_digest.clone()),
            references: images
                .iter()
                .flat_map(|image| image.references.clone())
                .collect(),
            destination: self.destination(),
            layers: images.iter().map(|image| image.layers).sum(),
            requests: self.traffic.requests(),
            bytes_sent: self.traffic.bytes_sent(),
            elapsed_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            outcome: outcome(result.is_ok(), &images),
            fetched: pulls::report(self.pulls.get()),
            images,
            error: result.as_ref().err().map(|error| format!("{error:#}")),
        }
    }

    /// The registry; `None` as long as nothing was sent to one.
    fn destination(&self) -> Option<Destination> {
        let destinations = self.parcels().iter().flat_map(Parcel::destinations);
        let mut domains: Vec<_> = destinations.map(|one| one.repository.domain()).collect();
        domains.sort_unstable();
        domains.dedup();
        (self.traffic.requests() > 0).then(|| Destination {
            kind: "registry".to_owned(),
            version: None,
            store: None,
            address: match domains[..] {
                [domain] => Some(domain.to_owned()),
                _ => None,
            },
        })
    }
}

fn outcome(is_success: bool, images: &[ImageReport]) -> Outcome {
    let is_unchanged = |image: &ImageReport| image.outcome == Outcome::Unchanged;
    match is_success {
        false => Outcome::Failed,
        true if images.iter().all(is_unchanged) => Outcome::Unchanged,
        true => Outcome::Pushed,
    }
}
