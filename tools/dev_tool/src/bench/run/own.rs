//! This project's way: the action's program, without Bazel around it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{json, Value};

use super::change::{Change, PACKAGES_AT};
use crate::bazel::Bazel;
use crate::bench::products::{beside, read};
use crate::bench::subject::write_file;
use crate::bench::target::seconds;
use crate::command::run;
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// Where the command is run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Engine {
    /// In a container engine.
    Daemon,
    /// By an OCI runtime, without a daemon.
    Sandbox,
}

impl Engine {
    /// As the spec calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Sandbox => "sandbox",
        }
    }
}

/// The programs, and what they are given.
pub(super) struct Own {
    tool: PathBuf,
    agent: PathBuf,
    base: Value,
    packages: PathBuf,
    /// Specs, layers, and unpacked layers.
    files: Scratch,
}

impl Own {
    /// Builds the programs. `load_base` is the executable that loads the base: beside it is what its image consists of.
    pub(super) fn prepare(
        workspace: &Workspace,
        bazel: &Bazel<'_>,
        load_base: &Path,
        packages: &Path,
    ) -> Result<Self> {
        Ok(Self {
            tool: bazel.file("@rules_stevedore//oci:deliver_tool", "default")?,
            agent: bazel.file("@rules_stevedore//oci:agent", "default")?,
            base: image(load_base)?,
            packages: packages.to_owned(),
            files: Scratch::in_cache(workspace)?,
        })
    }

    /// The layer that was made last.
    pub(super) fn layer(&self) -> PathBuf {
        self.files.file("layer.tar")
    }

    /// What is said about it.
    pub(super) fn description(&self) -> Result<Value> {
        let file = self.files.file("layer.json");
        serde_json::from_slice(&read(&file)?)
            .with_context(|| format!("`{}` is no JSON", file.display()))
    }

    /// Seconds that it takes to make the layer of a change.
    pub(super) fn time(&self, engine: Engine, host: &str, change: &Change) -> Result<f64> {
        self.write(engine, change, true)?;
        seconds(|| run(&mut self.command(host)))
    }

    /// Makes the layer, with the times that its files have.
    pub(super) fn with_times(&self, engine: Engine, host: &str, change: &Change) -> Result<()> {
        self.write(engine, change, false)?;
        run(&mut self.command(host))
    }

    fn command(&self, host: &str) -> Command {
        let flag = |name: &str, file: &Path| format!("--{name}={}", file.display());
        let mut command = Command::new(&self.tool);
        command
            .arg("run")
            .arg(flag("spec", &self.files.file("spec.json")))
            .arg(flag("agent", &self.agent))
            .arg(flag("tar", &self.layer()))
            .arg(flag("description", &self.files.file("layer.json")))
            .env("DOCKER_HOST", host)
            .env("STEVEDORE_CACHE", self.files.file("cache"));
        command
    }

    fn write(&self, engine: Engine, change: &Change, normalize: bool) -> Result<()> {
        let inputs = match change.wants_packages {
            true => json!([{
                "target": PACKAGES_AT,
                "entries": [{"path": "", "source": self.packages}],
            }]),
            false => json!([]),
        };
        let spec = json!({
            "kind": "run",
            "label": "//bench:change",
            "base": self.base,
            "commands": [change.shell],
            "shell": ["/bin/sh", "-e", "-c"],
            "env": {},
            "user": "",
            "workdir": "",
            "inputs": inputs,
            "caches": {},
            "secrets": {},
            "tmpfs": {},
            "memory": null,
            "cpus": null,
            "timeout": 600,
            "network": "none",
            "engine": engine.name(),
            "collect": {"layer": {"normalize": normalize, "allow_empty": false}},
        });
        write_file(&self.files.file("spec.json"), &spec.to_string())
    }
}

/// The image that an executable loads, as a spec names it: with the paths of its files.
fn image(load: &Path) -> Result<Value> {
    let file = beside(load, ".delivery.json");
    let delivery: Value = serde_json::from_slice(&read(&file)?)
        .with_context(|| format!("`{}` is no JSON", file.display()))?;
    let mut image = delivery["images"][0]["content"]["image"].clone();
    let runfiles = beside(load, ".runfiles");
    let absolute = |value: &mut Value| {
        if let Some(path) = value.as_str() {
            *value = runfiles.join(path).display().to_string().into();
        }
    };
    absolute(&mut image["config"]);
    absolute(&mut image["description"]);
    let layers = image["layers"].as_array_mut();
    for layer in layers.with_context(|| format!("`{}` names no layers", file.display()))? {
        absolute(&mut layer["tar"]);
    }
    Ok(image)
}
