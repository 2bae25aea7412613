//! `stevedore-deliver`: what `bazel run`, tests and build actions start to deliver an image.
//!
//! Called as an executable that has a file `<executable>.delivery.json` beside it, as the rules make them, it delivers
//! what that file says, and its arguments are the flags of that delivery; if that is a test, they are the test's. Otherwise the command line names a verb:
//! `stevedore-deliver load --delivery=FILE`. The verb `fetch` is what build actions run to get a blob of a base, and `run` what they
//! run to have commands run in one.
//!
//! Standard output of a load has the references, one a line (the image's ID if it has none), or what `--print` says, and nothing
//! else; with `--run` it is the container's alone. That of a push has `repository@digest`, a line a repository. All else goes to standard error.
//!
//! Exit codes: 0 done; 1 the engine or registry refused or the delivery failed; 2 usage; 3 nothing reachable, or no permission;
//! 4 the image's files are missing or corrupt; 128 + N ended by signal N; with `--run`, the container's exit code.

mod asynchronous;
mod attempt;
mod bazel_test;
mod cli;
mod connect;
mod exit_code;
mod fetch;
mod foreground;
mod home;
mod image_test;
mod load;
mod loading;
mod made_name;
mod print;
mod progress;
mod prune;
mod pulls;
mod push;
mod registry_options;
mod report_file;
mod run;
mod signals;
mod summary;
mod surroundings;
mod tags;
mod terminal;
mod test;

use std::ffi::OsString;
use std::process;
use std::time::Instant;

use stevedore_delivery::Runfiles;

use crate::cli::{Command, Delivery};

fn main() {
    // Before anything else: a process with threads cannot enter a user namespace.
    stevedore_run::stage_if_asked();
    let started = Instant::now();
    let home = home::take();
    let result = Command::from_environment().and_then(|command| run(command, home, started));
    let code = result.unwrap_or_else(|error| {
        eprintln!("{}", exit_code::describe(&error));
        exit_code::of(&error)
    });
    // Not by returning: a thread may still wait for the terminal.
    process::exit(code);
}

fn run(command: Command, home: Option<OsString>, started: Instant) -> anyhow::Result<i32> {
    let runfiles = Runfiles::of(&command.executable);
    match command.delivery {
        Delivery::Load(spec, flags) => load::run(&spec, runfiles, &flags, started),
        Delivery::Push(spec, flags) => push::run(&spec, runfiles, &flags, started),
        Delivery::Test(spec, flags, arguments) => {
            let program = test::Program { arguments, home };
            test::run(&spec, &runfiles, &flags, &program, started)
        }
        Delivery::Prune(spec, flags) => prune::run(&spec, &flags, started),
        Delivery::ImageTest(spec, flags, load_flags) => {
            image_test::run(&spec, &runfiles, &flags, &load_flags, started)
        }
        Delivery::Fetch(flags) => fetch::run(&flags),
        Delivery::Run(flags) => run::run(&flags),
    }
}
