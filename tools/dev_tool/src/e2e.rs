//! The workspaces in `e2e/` against real Bazel and real engines.

mod archives;
mod bases;
mod client;
mod failures;
mod flattened;
mod hello;
mod imported;
mod matrix;
mod patience;
mod platforms;
mod prebuilt;
mod pull;
mod push;
mod rebased;
mod refusals;
mod remote;
mod report;
mod run;
mod several;
mod testcontainers;
mod testing;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::bazel::Bazel;
use crate::engine::Running;
use crate::workspace::Workspace;
use hello::Hello;
use report::Report;

/// The engines that everything must work with.
const ENGINES: [&str; 2] = ["docker-20", "docker-28"];

/// A part of what is run.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Part {
    /// The example, and the tools that it builds
    Hello,
    /// Images that are refused, pushed or loaded
    Cases,
    /// Archives that others write
    Archives,
    /// Indexes and bundles that are loaded
    Platforms,
    /// Images that are flattened or get another base
    Derived,
    /// Bases in registries
    Pull,
    /// Commands in containers
    Run,
    /// Commands on a remote executor
    Remote,
    /// Tests with images
    Testing,
    /// Tests that start containers by a library
    Testcontainers,
    /// Every engine with every disturbance
    Matrix,
}

/// The parts that are in `e2e/cases`.
const OF_CASES: [Part; 4] = [Part::Cases, Part::Archives, Part::Platforms, Part::Derived];

/// What to run, and what to do with the matrix.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these parts
    #[arg(long = "part", value_name = "NAME")]
    parts: Vec<Part>,
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
    if options.has(Part::Hello) {
        run_hello(workspace, &mut report)?;
    }
    if OF_CASES.iter().any(|part| options.has(*part)) {
        run_cases(workspace, options, &mut report)?;
    }
    if options.has(Part::Pull) {
        pull::cases(&mut report, workspace);
    }
    if options.has(Part::Run) {
        run::cases(&mut report, workspace)?;
    }
    if options.has(Part::Remote) {
        remote::cases(&mut report, workspace)?;
    }
    if options.has(Part::Testing) {
        testing::cases(&mut report, workspace)?;
    }
    if options.has(Part::Testcontainers) {
        testcontainers::cases(&mut report, workspace)?;
    }
    if options.has(Part::Matrix) {
        matrix::run(workspace, options, &mut report)?;
    }
    report.finish()
}

impl Options {
    fn has(&self, part: Part) -> bool {
        let of_matrix = self.update || !self.engines.is_empty() || !self.cases.is_empty();
        match self.parts.is_empty() {
            true => part == Part::Matrix || !of_matrix,
            false => self.parts.contains(&part),
        }
    }
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

fn run_cases(workspace: &Workspace, options: &Options, report: &mut Report) -> Result<()> {
    let bazel = Bazel::new(workspace, &workspace.root().join("e2e/cases"))?;
    if options.has(Part::Archives) {
        archives::cases(report, workspace, &bazel);
    }
    if options.has(Part::Platforms) {
        platforms::cases(report, workspace, &bazel);
    }
    if options.has(Part::Derived) {
        flattened::cases(report, workspace, &bazel);
        rebased::cases(report, workspace, &bazel);
    }
    if !options.has(Part::Cases) {
        return Ok(());
    }
    refusals::cases(report, &bazel);
    imported::builds(report, &bazel);
    push::cases(report, workspace, &bazel);
    for engine in ENGINES {
        let engine = Running::start(workspace, engine, "e2e")?;
        bases::cases(report, &bazel, &engine);
        several::cases(report, &bazel, &engine);
        // Not before: they bring layers of the image whose layers are counted there.
        imported::cases(report, &bazel, &engine);
    }
    Ok(())
}
