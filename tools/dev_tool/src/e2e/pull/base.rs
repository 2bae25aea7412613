//! The base that is pulled: an index with Debian for two platforms, put into registries by crane and skopeo.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::{output, run};
use crate::registry::Registry;
use crate::root_file_system::tars;
use crate::workspace::Workspace;

/// Where the index is, in each registry.
pub(super) const REPOSITORY: &str = "team/debian";

/// Architectures, and their platforms as images name them.
const PLATFORMS: [(&str, &str); 2] = [("amd64", "linux/amd64"), ("arm64", "linux/arm64/v8")];

/// What was pushed.
pub(super) struct Base {
    /// The index's digest.
    pub(super) digest: String,
    /// The digests of the layers' blobs, by architecture.
    layers: Vec<(&'static str, Vec<String>)>,
}

impl Base {
    /// Puts the index into `registry`. Its images are others on each run, so that no cache knows them; their layers are not.
    pub(super) fn push(workspace: &Workspace, registry: &Registry) -> Result<Self> {
        let index = format!("{}/{REPOSITORY}:latest", registry.address());
        let mut append = crane(["index", "append", "--tag", &index]);
        let mut layers = Vec::new();
        for (architecture, platform) in PLATFORMS {
            let name = push_image(workspace, registry, architecture, platform)?;
            let manifest = output(&mut crane(["manifest", &name]))?;
            layers.push((architecture, digests_of_layers(&manifest)?));
            append.args(["--manifest", &name]);
        }
        run(&mut append)?;
        Ok(Self {
            digest: output(&mut crane(["digest", &index]))?.trim().to_owned(),
            layers,
        })
    }

    /// The digests of an architecture's layers.
    pub(super) fn layers(&self, architecture: &str) -> &[String] {
        let mut layers = self.layers.iter();
        match layers.find(|(name, _)| *name == architecture) {
            Some((_, digests)) => digests,
            None => &[],
        }
    }

    /// Copies the index, and all that it names, into another registry.
    pub(super) fn copy(&self, from: &Registry, to: &Registry) -> Result<()> {
        let mut command = Command::new("skopeo");
        command.args(["copy", "--all", "--preserve-digests"]);
        command.args(["--src-tls-verify=false", "--dest-tls-verify=false"]);
        if let Some((user, password)) = to.login() {
            command.arg(format!("--dest-creds={user}:{password}"));
        }
        let names =
            [from, to].map(|registry| format!("docker://{}/{REPOSITORY}", registry.address()));
        run(command
            .arg(format!("{}@{}", names[0], self.digest))
            .arg(format!("{}:latest", names[1])))
    }
}

/// Puts the image of one platform into the registry, and returns its name.
fn push_image(
    workspace: &Workspace,
    registry: &Registry,
    architecture: &str,
    platform: &str,
) -> Result<String> {
    let name = format!("{}/{REPOSITORY}:{architecture}", registry.address());
    let mut append = crane(["append", "--new_tag", &name]);
    for tar in tars(workspace, architecture)? {
        append.arg("--new_layer").arg(tar);
    }
    run(&mut append)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let label = format!("run={now}");
    let mutate = [
        "mutate",
        &name,
        "--set-platform",
        platform,
        "--label",
        &label,
    ];
    run(crane(mutate).args(["--tag", &name]))?;
    Ok(name)
}

/// `crane`, for registries without TLS.
pub(super) fn crane<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new("crane");
    command.args(arguments).arg("--insecure");
    command
}

fn digests_of_layers(manifest: &str) -> Result<Vec<String>> {
    let manifest: Value = serde_json::from_str(manifest).context("a manifest is no JSON")?;
    let layers = manifest["layers"].as_array();
    let digests = layers.into_iter().flatten().map(|layer| &layer["digest"]);
    digests
        .map(|digest| {
            digest
                .as_str()
                .map(str::to_owned)
                .context("a layer has no digest")
        })
        .collect()
}
