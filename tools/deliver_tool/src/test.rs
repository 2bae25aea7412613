//! A test that is given images: they are loaded, then the test takes the place of this program.
//!
//! So the exit code, signals, the time limit, shards, filters, XML and coverage are the test's own.

mod engine_variables;
mod reaper;
mod skipped;
mod variables;

use std::ffi::OsString;
use std::process::Command;
use std::time::Instant;

use anyhow::Context as _;
use stevedore_delivery::{Runfiles, TestSpec};

use crate::attempt::Attempt;
use crate::cli::LoadFlags;
use crate::loading::{self, Request};
use crate::signals::Signals;
use crate::{asynchronous, foreground};

pub(crate) use variables::SetTwice;

/// What the test is given by whoever has started this program.
pub(crate) struct Program {
    /// Arguments that follow the test's own.
    pub(crate) arguments: Vec<OsString>,
    /// `HOME`.
    pub(crate) home: Option<OsString>,
}

/// Loads the images of `spec` and becomes its test. Comes back if the test was skipped.
pub(crate) fn run(
    spec: &TestSpec,
    runfiles: &Runfiles,
    flags: &LoadFlags,
    program: &Program,
    started: Instant,
) -> anyhow::Result<i32> {
    let attempt = Attempt::new(started);
    let load = spec.load();
    let request =
        Request::new(&load, runfiles.clone(), flags).for_test(spec.emulation, spec.without_engine);
    let loaded = variables::check(spec).map_err(Into::into);
    match loaded.and_then(|()| bring(&attempt, &request)) {
        Ok(()) => {}
        Err(error) if request.is_skipped(&error) => {
            return skipped::tell(&spec.label, &error).map(|()| 0);
        }
        Err(error) => {
            return Err(error.context(format!("`{}` was not started", spec.test.label)));
        }
    }
    let mut command = Command::new(runfiles.find(&spec.test.executable)?);
    command.args(&spec.test.arguments).args(&program.arguments);
    match &program.home {
        Some(home) => command.env("HOME", home),
        None => command.env_remove("HOME"),
    };
    command.envs(runfiles.variables());
    command.envs(variables::of_images(spec, attempt.consignments())?);
    if let Some(engine) = attempt.engine.get() {
        command.envs(engine_variables::of(engine.address()));
        command.envs(reaper::variables(&command, engine.address()));
    }
    let error = foreground::become_command(command);
    Err(error).with_context(|| {
        format!(
            "the test `{}` cannot be executed here; is it built for this machine?",
            spec.test.label
        )
    })
}

fn bring(attempt: &Attempt, request: &Request<'_>) -> anyhow::Result<()> {
    asynchronous::run(async {
        let mut signals = Signals::that_end().context("failed to listen for signals")?;
        loading::load(attempt, request, &mut signals).await
    })
}
