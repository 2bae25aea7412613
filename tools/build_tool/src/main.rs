//! `stevedore-build`: what the build actions of rules_stevedore run.
//!
//! Every subcommand is one action. It exits with 0 if all outputs are there, with 1 if none is, and with 2 if it was
//! called wrongly.

mod arguments;
mod command;

use std::process::ExitCode;

use clap::Parser;

use command::Command;

/// Builds the parts of container images. Called by the rules of rules_stevedore.
///
/// All arguments may be in a file, one a line, whose name is given as the only argument: @FILE.
#[derive(Parser)]
#[command(name = "stevedore-build", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("caused by: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let arguments = arguments::expand(std::env::args_os())?;
    CommandLine::parse_from(arguments).command.run()
}
