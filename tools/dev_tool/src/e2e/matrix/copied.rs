//! Images as others hand them out: copied with all of their layers, and read.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::output;
use crate::scratch::Scratch;

/// Copies the image at `source`, as skopeo names it, with all of its layers, and returns their `diff_id`s. skopeo checks every
/// digest on the way.
pub(crate) fn diff_ids(source: &str, scratch: &Scratch) -> Result<Vec<String>> {
    let folder = scratch.file("copied");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("failed to remove the last copy")?;
    }
    let mut copy = Command::new("skopeo");
    copy.args(["copy", "--quiet", "--src-tls-verify=false", source])
        .arg(format!("oci:{}:copy", folder.display()));
    output(&mut copy)?;
    config_layers(&folder)
}

/// The `diff_id`s in the config of the one image in a layout.
fn config_layers(layout: &Path) -> Result<Vec<String>> {
    let index = document(&layout.join("index.json"))?;
    let manifest = blob(layout, &index["manifests"][0]["digest"])?;
    let config = blob(layout, &manifest["config"]["digest"])?;
    serde_json::from_value(config["rootfs"]["diff_ids"].clone())
        .context("the config has no `diff_ids`")
}

fn blob(layout: &Path, digest: &Value) -> Result<Value> {
    let digest = digest.as_str().unwrap_or_default();
    document(&layout.join("blobs").join(digest.replace(':', "/")))
}

fn document(file: &Path) -> Result<Value> {
    let text = fs::read(file).with_context(|| format!("failed to read `{}`", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("`{}` is no JSON", file.display()))
}
