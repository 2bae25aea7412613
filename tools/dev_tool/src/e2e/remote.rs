//! `e2e/run` on a remote executor: commands run where no engine is, and nothing is known of the machine that asks for them.

mod executor;

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{ensure, Context, Result};

use super::report::Report;
use crate::bazel::{Bazel, Spawn};
use crate::command::output;
use crate::workspace::Workspace;
use executor::{Executor, User};

const SANDBOX: &str = "--@rules_stevedore//oci:run_engine=sandbox";

/// What root can do.
const TARGETS: [&str; 3] = ["//:app", "//:report", "//cases:kinds"];
/// The one of them that has a layer of every kind of change.
const KINDS: &str = "//cases:kinds";
/// What also a user can do who has no other user's number.
const PLAIN: &str = "//:tools";

/// Builds by root's executor and by another user's.
pub(crate) fn cases(report: &mut Report, workspace: &Workspace) -> Result<()> {
    let bazel = Bazel::new(workspace, &workspace.root().join("e2e/run"))?;
    report.case("remote executor: the same comes out as here", || {
        same_as_here(workspace, &bazel)
    });
    report.case("remote executor of a user: commands run", || {
        let executor = Executor::start(workspace, User::Other)?;
        runs_remotely(&bazel, &executor, &[PLAIN]).map(drop)
    });
    bazel.shutdown()
}

fn same_as_here(workspace: &Workspace, bazel: &Bazel<'_>) -> Result<()> {
    let here = [SANDBOX.to_owned(), salt()?];
    bazel.build(&arguments(&here, &TARGETS))?;
    let expected = layer(bazel, &here, KINDS)?;
    let executor = Executor::start(workspace, User::Root)?;
    let flags = runs_remotely(bazel, &executor, &TARGETS)?;
    let found = layer(bazel, &flags, KINDS)?;
    ensure!(
        found == expected,
        "the layer is `{found}` there, `{expected}` here"
    );
    Ok(())
}

/// Builds `targets`, whose commands must run in `executor`; the flags that Bazel was given.
fn runs_remotely(bazel: &Bazel<'_>, executor: &Executor, targets: &[&str]) -> Result<Vec<String>> {
    let flags = vec![
        SANDBOX.to_owned(),
        salt()?,
        format!("--remote_executor={}", executor.address()),
        "--noremote_upload_local_results".to_owned(),
        // The tools are built here.
        "--spawn_strategy=linux-sandbox,local".to_owned(),
        "--strategy=RunAndCommit=remote".to_owned(),
        "--strategy=RunAndExtract=remote".to_owned(),
    ];
    let spawns = bazel.spawns(&arguments(&flags, targets))?;
    let runs: Vec<&Spawn> = spawns
        .iter()
        .filter(|spawn| spawn.mnemonic.starts_with("RunAnd"))
        .collect();
    ensure!(!runs.is_empty(), "no commands ran");
    for run in runs {
        ensure!(
            run.runner == "remote",
            "the commands of `{}` ran by `{}`",
            run.target_label,
            run.runner
        );
    }
    Ok(flags)
}

/// What is told of the layer that `target` adds.
fn layer(bazel: &Bazel<'_>, flags: &[String], target: &str) -> Result<String> {
    let mut command = bazel.command("cquery", &arguments(flags, &["--output=files", target]));
    let files = output(&mut command)?;
    let file = files
        .lines()
        .find(|file| file.ends_with(".layer.json"))
        .with_context(|| format!("`{target}` has no description of its layer"))?;
    let path = bazel.execution_root().join(file);
    fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))
}

fn arguments<'a>(flags: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    let flags = flags.iter().map(String::as_str);
    flags.chain(more.iter().copied()).collect()
}

/// Lets everything run again.
fn salt() -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(format!("--//:salt=remote-{}", now.as_nanos()))
}
