//! The commands of a test of an image, each in a container of its own.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use stevedore_delivery::{Consignment, ContainersSpec, EngineSpec, Image, ImageTestSpec, Runfiles};
use stevedore_engine::Connection;
use stevedore_image::digest::Digest;
use stevedore_image_check::{Case, CommandCheck, Ended, ImageConfig, Written, MOST_COMPARED};
use stevedore_run::{Daemon, Error as RunError, PrintedStream, RunSpec, Sandbox, Trial, Tried};

use crate::attempt::Attempt;
use crate::cli::LoadFlags;
use crate::exit_code::Interrupted;
use crate::loading::{self, Request};
use crate::run::{clean_up, clean_up_sandbox};
use crate::signals::Signals;

/// What commands run in.
pub(super) struct Commands<'a> {
    pub(super) spec: &'a ImageTestSpec,
    pub(super) containers: &'a ContainersSpec,
    pub(super) image: &'a Image,
    pub(super) config: &'a ImageConfig,
    pub(super) runfiles: &'a Runfiles,
    pub(super) flags: &'a LoadFlags,
    pub(super) started: Instant,
}

impl Commands<'_> {
    /// Runs all commands, and compares what they did. Each that is done is added to `cases`, also if a later one cannot be run.
    ///
    /// # Errors
    /// If there is no engine, the image does not get into it, or a signal came.
    pub(super) async fn run(
        &self,
        checks: &[CommandCheck],
        cases: &mut Vec<Case>,
    ) -> anyhow::Result<()> {
        let agent = self.runfiles.find(&self.containers.agent)?;
        let mut signals = Signals::that_end().context("failed to listen for signals")?;
        if self.containers.engine == EngineSpec::Sandbox {
            for check in checks {
                cases.push(self.in_sandbox(check, &agent, &mut signals).await?);
            }
            return Ok(());
        }
        let attempt = Attempt::new(self.started);
        let load = self.spec.load(self.containers);
        let request = Request::new(&load, self.runfiles.clone(), self.flags);
        let request = request
            .for_test(self.containers.emulation, self.containers.without_engine)
            // The image is not sent there in vain.
            .into_engine_that(|address| Ok(Daemon::check(address)?));
        if let Err(error) = loading::load(&attempt, &request, &mut signals).await {
            if request.is_skipped(&error) {
                let reason = format!("{error:#}");
                cases.extend(checks.iter().map(|check| check.skipped(&reason)));
                return Ok(());
            }
            return Err(error);
        }
        let loaded = attempt.consignments().iter().find_map(Consignment::loaded);
        let id = loaded.map_or(self.image.id(), |loaded| loaded.image_id);
        let engine = attempt.engine.get().context("no engine was found")?;
        for check in checks {
            cases.push(
                self.in_engine(check, engine, id, &agent, &mut signals)
                    .await?,
            );
        }
        Ok(())
    }

    async fn in_engine(
        &self,
        check: &CommandCheck,
        engine: &Connection,
        id: Digest,
        agent: &Path,
        signals: &mut Signals,
    ) -> anyhow::Result<Case> {
        let run = self.spec_of(check);
        let daemon = Daemon::new(engine, &run)?;
        let trial = self.trial(&run, agent);
        let begun = Instant::now();
        let tried = tokio::select! {
            tried = trial.in_engine(engine, &daemon, id) => Ok(tried),
            signal = signals.next() => Err(Interrupted(signal)),
        };
        clean_up(&daemon).await;
        Ok(case(check, tried?, begun.elapsed()))
    }

    async fn in_sandbox(
        &self,
        check: &CommandCheck,
        agent: &Path,
        signals: &mut Signals,
    ) -> anyhow::Result<Case> {
        let run = self.spec_of(check);
        let sandbox = Sandbox::new(&run);
        let trial = self.trial(&run, agent);
        let begun = Instant::now();
        let tried = tokio::select! {
            tried = trial.in_sandbox(&sandbox) => Ok(tried),
            signal = signals.next() => Err(Interrupted(signal)),
        };
        clean_up_sandbox(&sandbox).await;
        Ok(case(check, tried?, begun.elapsed()))
    }

    fn trial<'a>(&'a self, spec: &'a RunSpec, agent: &'a Path) -> Trial<'a> {
        Trial {
            spec,
            image: self.image,
            agent,
            most_printed: MOST_COMPARED,
        }
    }

    fn spec_of(&self, check: &CommandCheck) -> RunSpec {
        let expected = check.expected();
        let argv = check.argv(self.config);
        RunSpec {
            env: expected.env.clone(),
            user: expected.user.clone(),
            workdir: expected.workdir.clone(),
            timeout: expected.timeout,
            network: self.containers.network,
            engine: self.containers.engine,
            ..RunSpec::trial(&self.spec.label, self.spec.image.clone(), argv)
        }
    }
}

fn written(printed: PrintedStream) -> Written {
    let PrintedStream { bytes, size } = printed;
    Written { bytes, size }
}

/// What came of a command. That it cannot be run is its failure, whatever the reason: the others are told too.
fn case(check: &CommandCheck, tried: Result<Tried, RunError>, elapsed: Duration) -> Case {
    let ended = tried.map(|tried| Ended {
        code: tried.code,
        stdout: written(tried.printed.stdout),
        stderr: written(tried.printed.stderr),
    });
    let ended = ended.map_err(|error| match error {
        // There is one command, and its name is told.
        RunError::CannotStart { reason, .. } => format!("it cannot be started: {reason}"),
        error => format!("{:#}", anyhow::Error::from(error)),
    });
    check.case(ended, elapsed)
}
