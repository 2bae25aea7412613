//! An image on a base of 1 GiB that is in a registry: what a build of it fetches, counted before the registry.

use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::bazel::Bazel;
use crate::bench::subject::{module, write_file};
use crate::bench::table::{Goal, Table};
use crate::command::{output, run};
use crate::proxy::{Disturbance, Proxy, Traffic};
use crate::registry::Registry;
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// As much as the registry has to hold.
const SIZE: u64 = 2 << 30;

const BUILD: &str = r#""""Written by dev/bench."""

load("@rules_stevedore//oci:defs.bzl", "oci_image", "oci_layer")

oci_layer(
    name = "layer",
    srcs = {"/srv/text.txt": "text.txt"},
)

oci_image(
    name = "image",
    base = "@base",
    layers = [":layer"],
)
"#;

pub(super) fn measure(workspace: &Workspace, subject: &Bazel<'_>, table: &mut Table) -> Result<()> {
    let registry = Registry::start_in_memory(workspace, "distribution-2", SIZE)?;
    let name = format!("{}/bench/parts:latest", registry.address());
    let archive = subject.file("//:load_parts", "docker_archive")?;
    eprintln!("pushing the base");
    run(Command::new("skopeo")
        .args(["copy", "--quiet", "--dest-tls-verify=false"])
        .args(["--dest-compress-format=gzip", "--dest-compress-level=1"])
        .arg(format!("docker-archive:{}", archive.display()))
        .arg(format!("docker://{name}")))?;
    // Another manifest each time: Bazel keeps what it has downloaded, by its digest.
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    run(Command::new("crane")
        .args(["mutate", "--insecure", &name, "--tag", &name])
        .arg(format!("--label=measured={now}")))?;
    let base = Base::look(&name)?;
    let proxy = Proxy::before(&registry.address(), Disturbance::None)?;
    let folder = Scratch::in_cache(workspace)?;
    write_workspace(workspace, &folder, &proxy.address(), &base.digest)?;
    let bazel = Bazel::new(workspace, folder.path())?;
    let built = bazel.build(&["//:image"]);
    let traffic = proxy.take()?;
    // Its output base, too: the next run's folder has another name.
    bazel.expunge()?;
    built?;
    base.tell(&traffic, table);
    Ok(())
}

fn write_workspace(
    workspace: &Workspace,
    folder: &Scratch,
    registry: &str,
    digest: &str,
) -> Result<()> {
    let pull = format!(
        r#"
oci = use_extension("@rules_stevedore//oci:extensions.bzl", "oci")
oci.pull(
    name = "base",
    digest = "{digest}",
    image = "{registry}/bench/parts",
)
use_repo(oci, "base")
"#
    );
    write_file(&folder.file("MODULE.bazel"), &(module(workspace) + &pull))?;
    write_file(&folder.file("BUILD.bazel"), BUILD)?;
    fs::write(folder.file("text.txt"), "text\n").context("failed to write a file of the workspace")
}

/// What the registry has.
struct Base {
    digest: String,
    layers: Vec<String>,
    bytes: u64,
}

impl Base {
    fn look(name: &str) -> Result<Self> {
        let digest = output(Command::new("crane").args(["digest", "--insecure", name]))?;
        let manifest = output(Command::new("crane").args(["manifest", "--insecure", name]))?;
        let manifest: Value = serde_json::from_str(&manifest).context("crane shows no JSON")?;
        let layers = manifest["layers"]
            .as_array()
            .context("the manifest has no layers")?;
        Ok(Self {
            digest: digest.trim().to_owned(),
            layers: layers
                .iter()
                .filter_map(|layer| layer["digest"].as_str().map(str::to_owned))
                .collect(),
            bytes: layers
                .iter()
                .filter_map(|layer| layer["size"].as_u64())
                .sum(),
        })
    }

    fn tell(&self, traffic: &Traffic, table: &mut Table) {
        let is_layer = |target: &str| self.layers.iter().any(|layer| target.ends_with(layer));
        let fetched = traffic
            .requests
            .iter()
            .filter(|request| is_layer(&request.target));
        table.figure(
            "base in a registry: bytes of its layers there",
            self.bytes as f64,
            "bytes",
        );
        table.goal(
            "image on it, built cold: requests for layers",
            Goal::AtMost(0.0),
            fetched.count() as f64,
            "requests",
        );
        // All that was received: heads, the manifest, the config, and layers, if there were any.
        table.goal(
            "image on it, built cold: bytes received (metadata)",
            Goal::AtMost(64.0 * 1024.0),
            traffic.received as f64,
            "bytes",
        );
        table.figure(
            "image on it, built cold: requests",
            traffic.requests.len() as f64,
            "requests",
        );
    }
}
