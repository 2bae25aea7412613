//! What the deliver tool says about a load or a push, in the file that `--report` names.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The fields of the report that are looked at here.
#[derive(Debug, Deserialize)]
pub(crate) struct DeliveryReport {
    /// `sha256:…`, if the image's files could be read.
    pub(crate) image_id: Option<String>,
    /// `sha256:…` of the manifest, if it was needed.
    pub(crate) manifest_digest: Option<String>,
    /// The layers of the image, and what became of them.
    pub(crate) layers: LayerCounts,
    /// Requests to the engine or registry.
    pub(crate) requests: u64,
    /// Bytes sent to it.
    pub(crate) bytes_sent: u64,
    /// `loaded`, `pushed`, `unchanged` or `failed`.
    pub(crate) outcome: String,
}

/// How many layers there are, were there, and were sent.
#[derive(Debug, Deserialize)]
pub(crate) struct LayerCounts {
    /// Layers of the image.
    pub(crate) total: u64,
    /// Layers that were there.
    pub(crate) present: u64,
    /// Layers that were sent.
    pub(crate) sent: u64,
}

impl DeliveryReport {
    /// Reads the report at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path)
            .with_context(|| format!("failed to read the report `{}`", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("the report `{}` is not as documented", path.display()))
    }
}
