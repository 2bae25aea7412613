//! Images that cannot be used, in a registry that takes everything.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{json, Value};

use super::base::{crane, Base, REPOSITORY};
use crate::command::{output, run};
use crate::registry::Registry;
use crate::scratch::Scratch;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const SCHEMA_1: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/// Their digests.
pub(super) struct Bad {
    /// An index: the image for amd64 has an encrypted layer, the one for arm64 is good.
    pub(super) encrypted: String,
    /// An image with a foreign layer, whose bytes the registry does not have.
    pub(super) foreign: String,
    /// A manifest of Docker's schema 1.
    pub(super) schema_1: String,
}

impl Bad {
    /// Puts them into `registry`, which has a copy of `base`.
    pub(super) fn push(registry: &Registry, base: &Base) -> Result<Self> {
        let scratch = Scratch::new()?;
        let put = |tag: &str, media_type: &str, content: &Value| -> Result<String> {
            put(registry, &scratch, tag, media_type, content)
        };
        let name = format!("{}/{REPOSITORY}@{}", registry.address(), base.digest);
        let index = json(&output(&mut crane(["manifest", &name]))?)?;
        let mut entries = index["manifests"].clone();
        let amd64 = entries[0]["digest"]
            .as_str()
            .context("an index without an image")?;
        let name = format!("{}/{REPOSITORY}@{amd64}", registry.address());
        let manifest = json(&output(&mut crane(["manifest", &name]))?)?;

        let mut encrypted = manifest.clone();
        encrypted["layers"][1]["mediaType"] =
            json!("application/vnd.oci.image.layer.v1.tar+gzip+encrypted");
        entries[0]["digest"] = json!(put("encrypted-amd64", MANIFEST, &encrypted)?);
        entries[0]["size"] = json!(encrypted.to_string().len());
        let encrypted = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});

        let mut foreign = manifest;
        foreign["layers"][1]["mediaType"] =
            json!("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
        foreign["layers"][1]["digest"] = json!(format!("sha256:{}", "0123456789abcdef".repeat(4)));
        foreign["layers"][1]["urls"] = json!(["https://registry.invalid/layer"]);
        Ok(Self {
            encrypted: put("encrypted", INDEX, &encrypted)?,
            foreign: put("foreign", MANIFEST, &foreign)?,
            schema_1: put(
                "schema-1",
                SCHEMA_1,
                &json!({"schemaVersion": 1, "fsLayers": []}),
            )?,
        })
    }
}

fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).context("a manifest is no JSON")
}

/// Puts a manifest into the registry, and returns its digest.
fn put(
    registry: &Registry,
    scratch: &Scratch,
    tag: &str,
    media_type: &str,
    content: &Value,
) -> Result<String> {
    let file = scratch.file(tag);
    fs::write(&file, content.to_string()).context("failed to write a manifest")?;
    let url = format!(
        "http://{}/v2/{REPOSITORY}/manifests/{tag}",
        registry.address()
    );
    run(Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--request", "PUT"])
        .args(["--header", &format!("Content-Type: {media_type}")])
        .args(["--data-binary", &format!("@{}", file.display())])
        .arg(url))?;
    let sum = output(Command::new("sha256sum").arg(&file))?;
    let hex = sum.split_whitespace().next().unwrap_or_default();
    Ok(format!("sha256:{hex}"))
}
