//! One way to run commands, and Bazel, which is told of it as a user would.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{bail, Context, Result};
use serde_json::Value;

use crate::bazel::{Bazel, Spawn};
use crate::command::{finish, output};
use crate::engine::Running;
use crate::scratch::Scratch;

/// Bazel's sandbox gives actions no network unless they ask for it.
const FLAGS: [&str; 1] = ["--sandbox_default_allow_network=false"];

/// The secret file in the home folder, and the environment variable.
const SECRET_FILE: &str = "secret-file";
const SECRET_VARIABLE: &str = "APP_TOKEN";

/// What runs the commands, and what the machine is like.
pub(super) struct Stand<'a> {
    pub(super) bazel: &'a Bazel<'a>,
    /// The engine; the sandbox if there is none.
    pub(super) engine: Option<Running>,
    /// What no run has had before, so that none is taken from a cache.
    salt: String,
    home: Scratch,
    token: String,
}

impl<'a> Stand<'a> {
    /// What runs commands in `engine`, or in the sandbox.
    pub(super) fn new(bazel: &'a Bazel<'a>, engine: Option<Running>) -> Result<Self> {
        let salt = unique("salt")?;
        let stand = Self {
            bazel,
            engine,
            home: Scratch::new()?,
            token: format!("a token: {}", unique("token")?),
            salt,
        };
        let file = stand.home.file(SECRET_FILE);
        fs::write(&file, format!("a file: {}\n", stand.token))
            .with_context(|| format!("failed to write `{}`", file.display()))?;
        // Bazel's server takes a secret over when it starts.
        bazel.shutdown()?;
        Ok(stand)
    }

    /// What messages call it.
    pub(super) fn name(&self) -> String {
        match &self.engine {
            Some(engine) => engine.name().to_string(),
            None => "sandbox".to_owned(),
        }
    }

    /// The secrets' value; the file has it, too.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Takes other secrets.
    pub(super) fn change_token(&mut self) -> Result<()> {
        self.token = format!("a new token: {}", unique("token")?);
        self.bazel.shutdown()
    }

    /// Lets everything run again.
    pub(super) fn change_salt(&mut self) -> Result<()> {
        self.salt = unique("salt")?;
        Ok(())
    }

    /// A command of Bazel.
    pub(super) fn command(&self, verb: &str, arguments: &[&str]) -> Command {
        let engine = match self.engine {
            Some(_) => "daemon",
            None => "sandbox",
        };
        let own = [
            format!("--@rules_stevedore//oci:run_engine={engine}"),
            format!("--//:salt={}", self.salt),
            format!("--repo_env=HOME={}", self.home.path().display()),
            format!(
                "--repo_env=STEVEDORE_CACHE={}",
                self.home.file("cache").display()
            ),
        ];
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let mut command = self
            .bazel
            .command(verb, &[&FLAGS[..], &own, arguments].concat());
        command.env(SECRET_VARIABLE, &self.token);
        match &self.engine {
            Some(engine) => command.env("DOCKER_HOST", engine.host()),
            // Nothing must ask a daemon.
            None => command.env("DOCKER_HOST", "unix:///no/such/socket"),
        };
        command
    }

    /// Builds targets, and returns what Bazel said.
    pub(super) fn build(&self, arguments: &[&str]) -> Result<String> {
        let result = finish(&mut self.command("build", arguments))?;
        let said = String::from_utf8_lossy(&result.stderr).into_owned();
        match result.status.success() {
            true => Ok(said),
            false => bail!("`bazel build {}` failed:\n{said}", arguments.join(" ")),
        }
    }

    /// Builds what must not build, and returns what Bazel said.
    pub(super) fn fail(&self, target: &str) -> Result<String> {
        let result = finish(&mut self.command("build", &[target]))?;
        match result.status.success() {
            true => bail!("`bazel build {target}` succeeded"),
            false => Ok(String::from_utf8_lossy(&result.stderr).into_owned()),
        }
    }

    /// Builds targets, and returns the actions that ran commands for it.
    pub(super) fn runs(&self, arguments: &[&str]) -> Result<Vec<String>> {
        let spawns = Bazel::spawns_of(|flag| self.build(&[&[flag], arguments].concat()).map(drop))?;
        let ran = |spawn: &Spawn| spawn.mnemonic.starts_with("RunAnd");
        Ok(spawns
            .iter()
            .filter(|spawn| ran(spawn))
            .map(|spawn| format!("{} {}", spawn.mnemonic, spawn.target_label))
            .collect())
    }

    /// The actions of a target, as Bazel prints them for people.
    pub(super) fn actions(&self, mnemonic: &str, target: &str) -> Result<String> {
        let query = format!("mnemonic({mnemonic}, {target})");
        output(&mut self.command("aquery", &["--include_param_files", &query]))
    }

    /// The paths of the files of a target that was built.
    pub(super) fn files(&self, target: &str, group: &str) -> Result<Vec<PathBuf>> {
        let group = format!("--output_groups={group}");
        let files = output(&mut self.command("cquery", &["--output=files", &group, target]))?;
        let root = self.bazel.execution_root();
        Ok(files.lines().map(|file| root.join(file)).collect())
    }

    /// A JSON file among the outputs of a target that was built.
    pub(super) fn json(&self, target: &str, suffix: &str) -> Result<Value> {
        let files = self.files(target, "default")?;
        let file = files
            .iter()
            .find(|file| file.to_string_lossy().ends_with(suffix))
            .with_context(|| format!("`{target}` has no `*{suffix}`"))?;
        let text =
            fs::read(file).with_context(|| format!("failed to read `{}`", file.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("`{}` is no JSON", file.display()))
    }

    /// The digests of an image's layers, or of a layer.
    pub(super) fn digests(&self, target: &str) -> Result<Vec<String>> {
        let digests = match self.json(target, ".layer.json") {
            Ok(layer) => vec![layer["diff_id"].clone()],
            Err(_) => {
                let config = self.json(target, ".config.json")?;
                let layers = config["rootfs"]["diff_ids"].as_array().cloned();
                layers.unwrap_or_default()
            }
        };
        let text = |digest: &Value| digest.as_str().map(ToOwned::to_owned);
        digests
            .iter()
            .map(|digest| text(digest).context("a digest is no string"))
            .collect()
    }
}

/// A text that was never there before.
fn unique(word: &str) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(format!("{word}-{}-{}", std::process::id(), now.as_nanos()))
}
