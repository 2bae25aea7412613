//! The workspaces in `e2e/` against real Bazel and real engines.

mod bases;
mod client;
mod failures;
mod file_tree;
mod hello;
mod matrix;
mod prebuilt;
mod push;
mod refusals;
mod report;
mod several;

use anyhow::Result;
use clap::Args;

use crate::bazel::Bazel;
use crate::engine::Running;
use crate::workspace::Workspace;
use hello::Hello;
use report::Report;

/// The engines that everything must work with.
const ENGINES: [&str; 2] = ["docker-20", "docker-28"];

/// What to run, and what to do with the matrix.
#[derive(Args)]
pub(crate) struct Options {
    /// Only the matrix, and only of these engines
    #[arg(long = "engine", value_name = "NAME")]
    engines: Vec<String>,
    /// Of the matrix, only the cases whose names contain one of these
    #[arg(long = "case", value_name = "PART")]
    cases: Vec<String>,
    /// Write the matrix into docs/engines.md instead of comparing it
    #[arg(long)]
    update: bool,
}

/// Runs every case; an error if one failed.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut report = Report::default();
    let only_matrix = options.update || !options.engines.is_empty() || !options.cases.is_empty();
    if !only_matrix {
        run_hello(workspace, &mut report)?;
        run_cases(workspace, &mut report)?;
    }
    matrix::run(workspace, options, &mut report)?;
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
    push::first_user(report, workspace, &bazel);
    for engine in ENGINES {
        Hello::start(workspace, &bazel, engine)?.cases(report);
    }
    let engine = Running::start(workspace, "docker-28", "e2e")?;
    failures::cases(report, &load, &engine);
    Ok(())
}

fn run_cases(workspace: &Workspace, report: &mut Report) -> Result<()> {
    let bazel = Bazel::new(workspace, &workspace.root().join("e2e/cases"))?;
    refusals::cases(report, &bazel);
    push::cases(report, workspace, &bazel);
    for engine in ENGINES {
        let engine = Running::start(workspace, engine, "e2e")?;
        bases::cases(report, &bazel, &engine);
        several::cases(report, &bazel, &engine);
    }
    Ok(())
}
