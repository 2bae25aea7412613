//! The workspaces in `e2e/` against real Bazel and real engines.

mod bases;
mod failures;
mod file_tree;
mod hello;
mod prebuilt;
mod refusals;
mod report;

use anyhow::Result;

use crate::bazel::Bazel;
use crate::engine::Running;
use crate::workspace::Workspace;
use hello::Hello;
use report::Report;

/// The engines that everything must work with.
const ENGINES: [&str; 2] = ["docker-20", "docker-28"];

/// Runs every case; an error if one failed.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut report = Report::default();
    run_hello(workspace, &mut report)?;
    run_cases(workspace, &mut report)?;
    report.finish()
}

fn run_hello(workspace: &Workspace, report: &mut Report) -> Result<()> {
    let bazel = Bazel::new(workspace, &workspace.root().join("e2e/hello"))?;
    let mut load = None;
    report.case("e2e/hello builds", || {
        load = Some(bazel.executable("//:load")?);
        Ok(())
    });
    let Some(load) = load else {
        report.skip("e2e/hello", "it does not build");
        return Ok(());
    };
    prebuilt::cases(report, workspace, &bazel);
    for engine in ENGINES {
        Hello::start(workspace, &bazel, engine)?.cases(report);
    }
    let engine = Running::start(workspace, "docker-28", "e2e")?;
    failures::cases(report, &load, &engine);
    drop(engine);
    let small = Running::start(workspace, "docker-28@tmpfs:64m", "e2e")?;
    report.case("a full disk fails the load and leaves nothing", || {
        failures::full_disk(&load, &small)
    });
    Ok(())
}

fn run_cases(workspace: &Workspace, report: &mut Report) -> Result<()> {
    let bazel = Bazel::new(workspace, &workspace.root().join("e2e/cases"))?;
    refusals::cases(report, &bazel);
    for engine in ENGINES {
        let engine = Running::start(workspace, engine, "e2e")?;
        bases::cases(report, &bazel, &engine);
    }
    Ok(())
}
