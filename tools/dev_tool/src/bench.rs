//! Benchmarks: this project and its peers, side by side in one run.

mod archive;
mod bases;
mod build;
mod crowd;
mod engines;
mod load;
mod peer;
mod products;
mod push;
mod run;
mod subject;
mod table;
mod target;
mod tests;

use anyhow::{bail, Result};
use clap::{Args, ValueEnum};

use crate::bazel::Bazel;
use crate::workspace::Workspace;
use engines::EngineBench;
use load::LoadBench;
use products::Products;
use push::PushBench;
use run::RunBench;
use table::Table;
use tests::TestBench;

/// What may come on top of a layer in an upload: heads, framing, config, manifest, the tar's own headers.
const ALLOWANCE: u64 = 64 * 1024;

/// A benchmark and how it is run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What to measure
    name: Name,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// The engine to use, or one of them [default: docker-28 for `load` and `run`, all for `engines`]
    #[arg(long, value_name = "NAME")]
    engine: Vec<String>,
    /// How often each quick command is run; slow ones run a third as often
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Name {
    /// Building and loading an image with a layer of 1 GiB
    Load,
    /// Loading that image into every engine
    Engines,
    /// Pushing that image, beside others who do
    Push,
    /// Pulled bases, imported archives, many images, and flattening
    Bases,
    /// Running commands on a base of 1 GiB, beside others who do
    Run,
    /// Tests that are given that image, many at once
    Tests,
}

/// Runs a benchmark and prints its table. A figure that misses its goal is a result, not an error.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut table = Table::default();
    let measured = measure(workspace, options, &mut table);
    // What was measured before something failed is worth seeing.
    match (options.json, options.name) {
        (true, _) => table.print_json()?,
        (false, Name::Load | Name::Push | Name::Bases | Name::Tests) => print!("{table}"),
        // It has been printed, engine by engine.
        (false, Name::Engines | Name::Run) => {}
    }
    match table.misses() {
        0 => {}
        misses => eprintln!("{misses} of the figures miss their goals"),
    }
    measured
}

fn measure(workspace: &Workspace, options: &Options, table: &mut Table) -> Result<()> {
    if matches!(options.name, Name::Bases) {
        return bases::measure(workspace, usize::from(options.runs).div_ceil(3), table);
    }
    if matches!(options.name, Name::Run) {
        let bench = RunBench::start(workspace, usize::from(options.runs))?;
        let names = names(options, &["docker-28"]);
        return each(&names, options, table, |name, table| {
            bench.measure(name, table)
        });
    }
    let folder = subject::write(workspace)?;
    let bazel = Bazel::new(workspace, &folder)?;
    eprintln!("building the image");
    let products = Products::build(&bazel)?;
    match options.name {
        Name::Engines => engines(workspace, &products, options, table),
        Name::Push => PushBench::start(workspace, &bazel, &products, options.runs)
            .and_then(|bench| bench.measure(table)),
        Name::Tests => {
            let engine = options.engine.first().map_or("docker-28", String::as_str);
            let runs = usize::from(options.runs);
            TestBench::start(workspace, &bazel, &products, engine, runs)?.measure(table)
        }
        Name::Load | Name::Bases | Name::Run => load(workspace, &bazel, &products, options, table),
    }
}

fn load(
    workspace: &Workspace,
    bazel: &Bazel<'_>,
    products: &Products,
    options: &Options,
    table: &mut Table,
) -> Result<()> {
    let runs = usize::from(options.runs);
    let engine = options.engine.first().map_or("docker-28", String::as_str);
    LoadBench::start(workspace, products, engine, runs)?.measure(table)?;
    eprintln!("measuring: building");
    build::measure(bazel, runs.div_ceil(3), table)
}

fn engines(
    workspace: &Workspace,
    products: &Products,
    options: &Options,
    table: &mut Table,
) -> Result<()> {
    let names = names(options, &engines::ENGINES);
    each(&names, options, table, |name, table| {
        EngineBench::start(workspace, products, name, usize::from(options.runs))?.measure(table)
    })
}

/// The engines that were named, or those that are measured otherwise.
fn names(options: &Options, default: &[&str]) -> Vec<String> {
    match options.engine.is_empty() {
        true => default.iter().map(|name| (*name).to_owned()).collect(),
        false => options.engine.clone(),
    }
}

/// Measures every engine, also after one of them has failed, and prints its section.
fn each(
    names: &[String],
    options: &Options,
    table: &mut Table,
    measure: impl Fn(&str, &mut Table) -> Result<()>,
) -> Result<()> {
    let mut failed = Vec::new();
    for name in names {
        eprintln!("measuring: {name}");
        table.section(name);
        if let Err(error) = measure(name, table) {
            eprintln!("{name} failed: {error:#}");
            failed.push(name.clone());
        }
        if !options.json {
            print!("{}", table.of_section(name));
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => bail!("could not measure {}", failed.join(", ")),
    }
}
