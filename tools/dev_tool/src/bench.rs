//! Benchmarks: this project and its peers, side by side in one run.

mod build;
mod load;
mod subject;
mod table;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::bazel::Bazel;
use crate::workspace::Workspace;
use load::LoadBench;
use table::Table;

/// A benchmark and how it is run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What to measure
    name: Name,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// The engine to load into
    #[arg(long, default_value = "docker-28")]
    engine: String,
    /// How often each quick command is run; slow ones run a third as often
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Name {
    /// Building and loading an image with a layer of 1 GiB
    Load,
}

/// Runs a benchmark and prints its table. A figure that misses its goal is a result, not an error.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let table = match options.name {
        Name::Load => load(workspace, options)?,
    };
    match options.json {
        true => table.print_json()?,
        false => print!("{table}"),
    }
    match table.misses() {
        0 => {}
        misses => eprintln!("{misses} of the figures miss their goals"),
    }
    Ok(())
}

fn load(workspace: &Workspace, options: &Options) -> Result<Table> {
    let runs = usize::from(options.runs);
    let folder = subject::write(workspace)?;
    let bazel = Bazel::new(workspace, &folder)?;
    let mut table = Table::default();
    eprintln!("building the image");
    LoadBench::start(workspace, &bazel, &options.engine, runs)?.measure(&mut table)?;
    eprintln!("measuring: building");
    build::measure(&bazel, runs.div_ceil(3), &mut table)?;
    Ok(table)
}
