//! Writes the API reference from what Bazel's `starlark_doc_extract` found in the `.bzl` files.
//!
//! Stardoc does this too, in Java and with a Java toolchain; Bazel itself extracts, so only the page is left to write.

mod module;
mod page;
mod wire;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use module::Module;

#[derive(Parser)]
#[command(
    name = "stevedore-reference",
    about = "Writes the API reference of rules_stevedore"
)]
struct Arguments {
    /// What `starlark_doc_extract` wrote, a `.binaryproto` file
    #[arg(long)]
    input: PathBuf,
    /// The Markdown file
    #[arg(long)]
    output: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
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

fn run(arguments: &Arguments) -> Result<()> {
    let (input, output) = (&arguments.input, &arguments.output);
    let bytes = fs::read(input).with_context(|| format!("failed to read `{}`", input.display()))?;
    let module = Module::parse(&bytes)
        .with_context(|| format!("`{}` does not hold extracted docs", input.display()))?;
    fs::write(output, page::render(&module))
        .with_context(|| format!("failed to write `{}`", output.display()))
}
