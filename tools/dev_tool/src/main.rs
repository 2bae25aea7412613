//! Development commands: engines, benchmarks, the demo, the tests against real engines.
//!
//! Started by `dev/engine`, `dev/registry`, `dev/bench`, `dev/demo` and `dev/test`, which give it a root with the programs that it calls.

mod agent;
mod bazel;
mod bench;
mod cleanup;
mod clock;
mod command;
mod delivery_report;
mod demo;
mod e2e;
mod edited_file;
mod engine;
mod file_tree;
mod proxy;
mod registry;
mod root_file_system;
mod scratch;
mod snippets;
mod suite;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use engine::instance::Instance;
use engine::{EngineName, ENGINES};
use registry::{RegistryName, REGISTRIES};
use workspace::Workspace;

#[derive(Parser)]
#[command(name = "dev", about = "Development commands of rules_stevedore")]
struct Arguments {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Start and stop real container engines
    #[command(subcommand)]
    Engine(EngineVerb),
    /// Run real registries
    #[command(subcommand)]
    Registry(RegistryVerb),
    /// Measure against the goals, side by side with what users have today
    Bench(bench::Options),
    /// Build the example, load it, change it, load it again, and print what that cost
    Demo,
    /// Run the workspaces in e2e/, and the matrix of engines and cases, against real engines
    E2e(e2e::Options),
    /// Compare the code in the documentation with the examples that it is taken from
    Docs {
        /// Write it anew instead
        #[arg(long)]
        update: bool,
    },
    /// Run every test, and print the totals
    Test {
        /// Only the suites whose names contain one of these
        filters: Vec<String>,
    },
    /// Run a program and write its peak memory to a file; for the benchmarks' own use
    #[command(hide = true)]
    Measure {
        /// The file for the number of bytes
        file: PathBuf,
        /// The program and its arguments
        #[arg(last = true)]
        program: Vec<OsString>,
    },
}

#[derive(Subcommand)]
enum EngineVerb {
    /// Start an engine, unless it runs, and wait until it answers
    Start {
        /// One that `list` prints; with `@tmpfs:64m` its data is on a tmpfs of that size, with `@tls` it listens on a TCP
        /// port too, with `@ssh` it is behind an ssh server, with `@bridge` its containers have a network
        name: EngineName,
    },
    /// Stop an engine, if it runs
    Stop {
        /// As for `start`
        name: EngineName,
    },
    /// Print the environment variables that point clients at an engine
    Env {
        /// As for `start`
        name: EngineName,
    },
    /// List the engines, and which of them run
    List,
}

#[derive(Subcommand)]
enum RegistryVerb {
    /// Start registries, print the variable by which tests find them, and keep them until Ctrl-C
    Start {
        /// Those that `list` prints; with `@htpasswd`, `@token`, `@token:SECONDS`, `@tls` or `@mtls` they want to know
        /// their clients, or are known to them
        #[arg(required = true)]
        names: Vec<RegistryName>,
    },
    /// List the registries
    List,
}

fn main() -> ExitCode {
    let result = cleanup::handle_signals().and_then(|()| run(Arguments::parse().command));
    cleanup::finish();
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("caused by: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<ExitCode> {
    let workspace = Workspace::from_env()?;
    match verb {
        Verb::Engine(verb) => run_engine(&workspace, verb)?,
        Verb::Registry(verb) => run_registry(&workspace, verb)?,
        Verb::Bench(options) => bench::run(&workspace, &options)?,
        Verb::Demo => demo::run(&workspace)?,
        Verb::E2e(options) => e2e::run(&workspace, &options)?,
        Verb::Docs { update } => {
            let count = snippets::run(workspace.root(), update)?;
            println!("{count} snippets are as in the examples");
        }
        Verb::Test { filters } => suite::run(&workspace, &filters)?,
        Verb::Measure { file, program } => return clock::measure(&file, &program),
    }
    Ok(ExitCode::SUCCESS)
}

fn run_engine(workspace: &Workspace, verb: EngineVerb) -> Result<()> {
    match verb {
        EngineVerb::Start { name } => Instance::shared(workspace, &name).start(workspace),
        EngineVerb::Stop { name } => Instance::shared(workspace, &name).stop(),
        EngineVerb::Env { name } => {
            for (variable, value) in Instance::shared(workspace, &name).variables()? {
                println!("{variable}={}", value.to_string_lossy());
            }
            Ok(())
        }
        EngineVerb::List => {
            for engine in ENGINES {
                let name = EngineName::plain(engine);
                let state = match Instance::shared(workspace, &name).runs() {
                    true => "runs",
                    false => "stopped",
                };
                println!("{:<20} {state:<8} {}", engine.name, engine.about);
            }
            Ok(())
        }
    }
}

fn run_registry(workspace: &Workspace, verb: RegistryVerb) -> Result<()> {
    match verb {
        RegistryVerb::Start { names } => registry::serve(workspace, &names),
        RegistryVerb::List => {
            for kind in REGISTRIES {
                println!("{:<16} {}", kind.name, kind.about);
            }
            Ok(())
        }
    }
}
