//! A repository in a registry, looked at and changed by hand.

use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;
use stevedore_image::digest::Digest;

use crate::command::{output, run};

/// The kinds of manifests that pushes leave.
const MANIFESTS: &str = "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// What a tag in a repository points to.
#[derive(Debug, Deserialize)]
struct Manifest {
    config: Blob,
    layers: Vec<Blob>,
}

#[derive(Debug, Deserialize)]
struct Blob {
    digest: String,
    size: u64,
}

/// Makes the repository one that has everything of the image `latest` but its top layer: as before the first push after that
/// layer has changed. Returns the bytes of the layer's blob.
pub(crate) fn forget_top(address: &str, repository: &str) -> Result<u64> {
    let url = format!("http://{address}/v2/{repository}");
    let text = output(curl().args(["--header", MANIFESTS, &format!("{url}/manifests/latest")]))?;
    let manifest: Manifest = serde_json::from_str(&text)
        .with_context(|| format!("`{repository}` has no manifest that can be read: {text}"))?;
    let top = manifest.layers.last().context("the image has no layer")?;
    for path in [
        format!("manifests/{}", Digest::of(text.as_bytes())),
        format!("blobs/{}", manifest.config.digest),
        format!("blobs/{}", top.digest),
    ] {
        run(curl().args(["--request", "DELETE", &format!("{url}/{path}")]))?;
    }
    Ok(top.size)
}

fn curl() -> Command {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail-with-body"]);
    command
}
