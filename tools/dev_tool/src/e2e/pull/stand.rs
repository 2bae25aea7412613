//! The registries, the workspace that pulls from them, and the proxy that counts.

use std::fs;
use std::process::Command;

use anyhow::{bail, Context, Result};
use serde_json::json;

use super::bad::Bad;
use super::base::Base;
use super::liar::Liar;
use crate::bazel::Bazel;
use crate::command::{finish, output};
use crate::proxy::{Disturbance, Proxy, Traffic};
use crate::registry::Registry;
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// No cache of downloads: each fetch is one from a registry.
const FLAGS: [&str; 1] = ["--repository_cache="];

/// What a test has for itself.
pub(super) struct Stand<'a> {
    pub(super) bazel: Bazel<'a>,
    pub(super) base: Base,
    /// Before the registry that the bases without a password are in.
    pub(super) proxy: Proxy,
    scratch: Scratch,
    _copy: Scratch,
    _liar: Liar,
    _registries: Vec<Registry>,
}

impl<'a> Stand<'a> {
    /// Starts the registries, fills them, and makes the workspace.
    pub(super) fn start(workspace: &'a Workspace) -> Result<Self> {
        let names = [
            "distribution-2",
            "distribution-2@htpasswd",
            "distribution-2@token",
            "distribution-2@tls",
            "crane",
        ];
        let registries = Registry::start_all(workspace, &names)?;
        let [open, htpasswd, token, tls, bad] = &registries[..] else {
            bail!("some registries did not start");
        };
        let base = Base::push(workspace, open)?;
        for registry in [htpasswd, token, tls, bad] {
            base.copy(open, registry)?;
        }
        let proxy = Proxy::before(&open.address(), Disturbance::None)?;
        let bad_images = Bad::push(bad, &base)?;
        let liar = Liar::start(&base.digest, "{}")?;
        let copy = copied(
            workspace,
            &[
                ("{registry}", &proxy.address()),
                ("{digest}", &base.digest),
                ("{htpasswd}", &htpasswd.address()),
                // Other names of the same registries, for which there are other credentials.
                ("{helper}", &other_name(htpasswd)),
                ("{token}", &token.address()),
                ("{identity}", &other_name(token)),
                ("{tls}", &tls.address()),
                ("{bad}", &bad.address()),
                ("{liar}", liar.address()),
                ("{encrypted}", &bad_images.encrypted),
                ("{foreign}", &bad_images.foreign),
                ("{schema_1}", &bad_images.schema_1),
            ],
        )?;
        let scratch = Scratch::new()?;
        log_in(&scratch, htpasswd, token)?;
        Ok(Self {
            bazel: Bazel::new(workspace, copy.path())?,
            base,
            proxy,
            scratch,
            _copy: copy,
            _liar: liar,
            _registries: registries,
        })
    }

    /// Builds targets.
    pub(super) fn build(&self, arguments: &[&str]) -> Result<()> {
        output(&mut self.command("build", arguments)).map(drop)
    }

    /// `bazel run`, its content cache being that of the test.
    pub(super) fn run(&self, arguments: &[&str]) -> Command {
        self.command("run", arguments)
    }

    /// Runs a command that must succeed, and returns what Bazel said.
    pub(super) fn say(&self, verb: &str, arguments: &[&str]) -> Result<String> {
        let result = finish(&mut self.command(verb, arguments))?;
        let said = String::from_utf8_lossy(&result.stderr).into_owned();
        match result.status.success() {
            true => Ok(said),
            false => bail!("`bazel {verb} {}` failed:\n{said}", arguments.join(" ")),
        }
    }

    /// Builds what must not build, and returns what Bazel said.
    pub(super) fn fail(&self, arguments: &[&str]) -> Result<String> {
        let result = finish(&mut self.command("build", arguments))?;
        match result.status.success() {
            true => bail!("`bazel build {}` succeeded", arguments.join(" ")),
            false => Ok(String::from_utf8_lossy(&result.stderr).into_owned()),
        }
    }

    /// A command of Bazel, which finds the credentials and the content cache of the test.
    pub(super) fn command(&self, verb: &str, arguments: &[&str]) -> Command {
        let mut command = self.bazel.command(verb, &self.with_flags(arguments));
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env("DOCKER_CONFIG", self.scratch.path())
            .env("STEVEDORE_CACHE", self.scratch.file("cache"))
            .env("PATH", format!("{}:{path}", self.scratch.path().display()));
        command
    }

    /// The arguments after the flags of every command.
    pub(super) fn with_flags<'b>(&self, arguments: &[&'b str]) -> Vec<&'b str> {
        [&FLAGS[..], arguments].concat()
    }

    /// The requests for blobs of the base's layers, as `GET /v2/…`.
    pub(super) fn layers_in(&self, traffic: &Traffic) -> Vec<String> {
        let layers: Vec<_> = ["amd64", "arm64"]
            .iter()
            .flat_map(|architecture| self.base.layers(architecture))
            .collect();
        let requests = traffic.requests.iter();
        let requests = requests.filter(|request| {
            layers
                .iter()
                .any(|layer| request.target.contains(layer.as_str()))
        });
        requests
            .map(|request| format!("{} {}", request.method, request.target))
            .collect()
    }

    /// Empties the content cache.
    pub(super) fn forget_blobs(&self) -> Result<()> {
        let cache = self.scratch.file("cache");
        if cache.exists() {
            fs::remove_dir_all(&cache).context("failed to empty the content cache")?;
        }
        Ok(())
    }

    /// How many blobs the content cache has.
    pub(super) fn kept_blobs(&self) -> Result<usize> {
        let mut find = Command::new("find");
        find.arg(self.scratch.file("cache"))
            .args(["-type", "f", "-size", "+0"]);
        Ok(output(&mut find)?.lines().count())
    }
}

/// A copy of `e2e/pull` in which the registries have the place of what is in braces.
fn copied(workspace: &Workspace, values: &[(&str, &str)]) -> Result<Scratch> {
    let source = workspace.root().join("e2e/pull");
    let copy = Scratch::new()?;
    fs::copy(source.join("BUILD.bazel"), copy.file("BUILD.bazel"))
        .context("failed to copy e2e/pull")?;
    let template = fs::read_to_string(source.join("MODULE.bazel.in"))
        .context("failed to read e2e/pull/MODULE.bazel.in")?;
    let root = workspace.root().display().to_string();
    let module = values
        .iter()
        .chain(&[("{rules_stevedore}", root.as_str())])
        .fold(template, |text, (name, value)| text.replace(name, value));
    fs::write(copy.file("MODULE.bazel"), module).context("failed to write MODULE.bazel")?;
    Ok(copy)
}

/// Another name under which a registry is reached.
fn other_name(registry: &Registry) -> String {
    registry.address().replace("127.0.0.1", "localhost")
}

/// Writes a `config.json` as `docker login` does, and a helper that it names.
fn log_in(scratch: &Scratch, htpasswd: &Registry, token: &Registry) -> Result<()> {
    let mut auths = serde_json::Map::new();
    for registry in [htpasswd, token] {
        let (user, password) = registry.login().context("a registry without a password")?;
        auths.insert(
            registry.address(),
            json!({"username": user, "password": password}),
        );
    }
    let entry = token.entry();
    let identity = entry
        .split(';')
        .find_map(|fact| fact.strip_prefix("identity="));
    auths.insert(other_name(token), json!({"identitytoken": identity}));
    let (user, password) = htpasswd.login().context("a registry without a password")?;
    let helper = other_name(htpasswd);
    let settings = json!({"auths": auths, "credHelpers": {&helper: "of-the-test"}});
    fs::write(scratch.file("config.json"), settings.to_string())
        .context("failed to write config.json")?;
    let answer = json!({"ServerURL": helper, "Username": user, "Secret": password});
    let program = scratch.file("docker-credential-of-the-test");
    fs::write(
        &program,
        format!("#!/bin/sh\n[ \"$(cat)\" = '{helper}' ] && echo '{answer}'\n"),
    )
    .context("failed to write a helper")?;
    output(Command::new("chmod").arg("+x").arg(&program)).map(drop)
}
