//! An image on another base: it has the layers that `crane rebase` gives it.

use std::process::Command;

use anyhow::{ensure, Context, Result};
use serde_json::Value;

use super::report::Report;
use crate::bazel::Bazel;
use crate::command::{output, run};
use crate::registry::Registry;
use crate::workspace::Workspace;

/// How many layers the new base and the image above it have.
const LAYERS: usize = 4;

/// Lets crane rebase the image that `oci_rebase` has rebased.
pub(crate) fn cases(report: &mut Report, workspace: &Workspace, bazel: &Bazel<'_>) {
    report.case("a rebased image is as `crane rebase` makes it", || {
        let registry = Registry::start(workspace, "distribution-2")?;
        let label = format!("--embed_label={}", registry.address());
        bazel.build(&[&label, "//derived:push"])?;
        run(&mut Command::new(
            bazel.folder().join("bazel-bin/derived/push"),
        ))?;
        let name = |image: &str| format!("{}/derived/{image}:latest", registry.address());
        run(crane("rebase")
            .args(["--old_base", &name("old"), "--new_base", &name("new")])
            .args(["--tag", &name("crane"), &name("app")]))?;
        let (ours, cranes) = (
            Rebased::read(&name("rebased"))?,
            Rebased::read(&name("crane"))?,
        );
        ensure!(
            ours.blobs.len() == LAYERS && ours.config["rootfs"] != Value::Null,
            "{ours:?}, expected {LAYERS} layers"
        );
        ensure!(ours == cranes, "{ours:?}, but crane makes {cranes:?}");
        Ok(())
    });
}

/// What is the same, whoever rebases: not the time of the image, which crane leaves out, and not crane's annotations.
#[derive(Debug, Eq, PartialEq)]
struct Rebased {
    /// The digests of the layers' blobs.
    blobs: Vec<String>,
    /// The config, without its time.
    config: Value,
}

impl Rebased {
    /// Reads an image in a registry.
    fn read(name: &str) -> Result<Self> {
        let mut config: Value = serde_json::from_str(&output(crane("config").arg(name))?)
            .context("crane shows no config")?;
        if let Some(fields) = config.as_object_mut() {
            fields.remove("created");
        }
        let manifest: Value = serde_json::from_str(&output(crane("manifest").arg(name))?)
            .context("crane shows no manifest")?;
        let layers = manifest["layers"].as_array();
        let layers = layers.context("the manifest has no layers")?;
        let digests = layers.iter().map(|layer| layer["digest"].as_str());
        let digests: Option<Vec<_>> = digests
            .map(|digest| digest.map(ToOwned::to_owned))
            .collect();
        Ok(Self {
            blobs: digests.context("a layer has no digest")?,
            config,
        })
    }
}

/// A command of `crane`, for registries without TLS.
fn crane(verb: &str) -> Command {
    let mut command = Command::new("crane");
    command.args([verb, "--insecure"]);
    command
}
