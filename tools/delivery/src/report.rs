//! What a delivery reports: the JSON object of `--report`.
//!
//! Its fields are a public interface.

use serde::Serialize;

use crate::pulls::Fetched;

/// One delivery, successful or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What was done: `load` or `push`.
    pub kind: &'static str,
    /// The image's ID at the destination; the one that was predicted if it was not delivered. `None` if the image's
    /// files could not be read, or if there are several images.
    pub image_id: Option<String>,
    /// The digest of the image's manifest; `None` where none was needed.
    pub manifest_digest: Option<String>,
    /// The names that the images have, or were to get.
    pub references: Vec<String>,
    /// The destination; `None` if it was not reached.
    pub destination: Option<Destination>,
    /// The layers of all images together.
    pub layers: LayerCounts,
    /// Every request to the destination.
    pub requests: u64,
    /// Every byte that was written to the destination's connections.
    pub bytes_sent: u64,
    /// From the start of the program to this report, in milliseconds.
    pub elapsed_ms: u64,
    /// Layers of a base that were fetched from the registry that it was pulled from; not there if none was. They are counted
    /// by neither `requests` nor `bytes_sent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched: Option<Fetched>,
    /// How it ended: with several images, [`Outcome::Unchanged`] only if all are, and [`Outcome::Failed`] if one has.
    pub outcome: Outcome,
    /// Each image; none if their files could not be read.
    pub images: Vec<ImageReport>,
    /// The error and its causes, separated by `: `; `None` if there was none.
    pub error: Option<String>,
}

/// One image of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageReport {
    /// The image's target.
    pub label: String,
    /// The image's ID at the destination; the one that was predicted if it was not delivered. `None` for an index.
    pub image_id: Option<String>,
    /// The digest of the manifest that is pushed; not there in a load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_digest: Option<String>,
    /// The names that it has, or was to get.
    pub references: Vec<String>,
    /// Its layers. One that was sent for an image before it counts as present.
    pub layers: LayerCounts,
    /// What became of it: [`Outcome::Failed`] also if nothing was done for it because another one had failed.
    pub outcome: Outcome,
}

/// A destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Destination {
    /// `docker`, `podman`, `containerd` or `registry`.
    pub kind: String,
    /// Its version; `None` for a registry.
    pub version: Option<String>,
    /// Where it keeps images: `graphdriver`, `containerd` or `containers-storage`; `None` if that was not found out.
    pub store: Option<String>,
    /// The registry, such as `ghcr.io`; `None` if there are several. Not there in a load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// How many layers an image has, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LayerCounts {
    /// Layers of the image.
    pub total: usize,
    /// Those that the destination had.
    pub present: usize,
    /// Those that were sent. After a failure, those that the last upload was to carry.
    pub sent: usize,
    /// Those that a registry took from another of its repositories; not there in a load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mounted: Option<usize>,
}

impl std::iter::Sum for LayerCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, counts| Self {
            total: sum.total + counts.total,
            present: sum.present + counts.present,
            sent: sum.sent + counts.sent,
            mounted: match (sum.mounted, counts.mounted) {
                (None, None) => None,
                (sum, mounted) => Some(sum.unwrap_or(0) + mounted.unwrap_or(0)),
            },
        })
    }
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The engine has the image now.
    Loaded,
    /// The registry has the image now.
    Pushed,
    /// The destination had the image already; it has all its names now.
    Unchanged,
    /// It does not have it.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_those_of_the_documentation() {
        let layers = LayerCounts {
            total: 12,
            present: 11,
            sent: 1,
            mounted: None,
        };
        let report = Report {
            kind: "load",
            image_id: Some("sha256:00".to_owned()),
            manifest_digest: None,
            references: vec!["app:dev".to_owned()],
            destination: Some(Destination {
                kind: "docker".to_owned(),
                version: Some("28.5.2".to_owned()),
                store: Some("graphdriver".to_owned()),
                address: None,
            }),
            layers,
            requests: 3,
            bytes_sent: 10_485_760,
            elapsed_ms: 84,
            fetched: None,
            outcome: Outcome::Loaded,
            images: vec![ImageReport {
                label: "//app:image".to_owned(),
                image_id: Some("sha256:00".to_owned()),
                manifest_digest: None,
                references: vec!["app:dev".to_owned()],
                layers,
                outcome: Outcome::Loaded,
            }],
            error: None,
        };
        assert_eq!(
            serde_json::to_value(report).ok(),
            Some(
                serde_json::json!({"kind": "load", "image_id": "sha256:00", "manifest_digest": null,
                "references": ["app:dev"],
                "destination": {"kind": "docker", "version": "28.5.2", "store": "graphdriver"},
                "layers": {"total": 12, "present": 11, "sent": 1}, "requests": 3, "bytes_sent": 10_485_760,
                "elapsed_ms": 84, "outcome": "loaded",
                "images": [{"label": "//app:image", "image_id": "sha256:00", "references": ["app:dev"],
                "layers": {"total": 12, "present": 11, "sent": 1}, "outcome": "loaded"}], "error": null})
            )
        );
    }
}
