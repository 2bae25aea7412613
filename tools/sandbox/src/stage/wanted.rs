//! Whether anybody still wants what the stage does.

use std::io::{self, Read as _, Write as _};
use std::process::{ChildStdin, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use stevedore_agent::Job;

use super::error::Error;
use super::runtime::Running;

/// How long an agent may take to end before the runtime ends it.
const GRACE: Duration = Duration::from_secs(5);

/// The stage's standard input, seen from within: while it is open, the stage is wanted.
#[derive(Clone)]
pub(super) struct Wanted(Arc<Mutex<State>>);

struct State {
    is_wanted: bool,
    /// What the agent sees of it.
    agent: Option<ChildStdin>,
    /// What ends the container by force.
    force: Option<Command>,
}

impl Wanted {
    /// Watches the standard input from now on.
    pub(super) fn watch() -> Self {
        let wanted = Self(Arc::new(Mutex::new(State {
            is_wanted: true,
            agent: None,
            force: None,
        })));
        let watched = wanted.clone();
        thread::spawn(move || watched.wait_for_end());
        wanted
    }

    /// # Errors
    /// [`Error::Unwanted`] if it is not any more.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.state().is_wanted {
            true => Ok(()),
            false => Err(Error::Unwanted),
        }
    }

    /// Gives the agent its job, and lets it know when that is not wanted any more.
    pub(super) fn begin(&self, running: &mut Running, job: &Job) -> Result<(), Error> {
        let mut input = running.input()?;
        let mut line = serde_json::to_vec(job).map_err(Error::Request)?;
        line.push(b'\n');
        match input.write_all(&line) {
            // It has ended, and why is told where its verdict is looked for.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written.map_err(Error::Agent)?,
        }
        let mut state = self.state();
        if state.is_wanted {
            state.agent = Some(input);
            state.force = Some(running.force());
        }
        Ok(())
    }

    /// The reason for an error: it is none if the sandbox was to end.
    pub(super) fn why(&self, error: Error) -> Error {
        match self.check() {
            Ok(()) => error,
            Err(unwanted) => unwanted,
        }
    }

    fn wait_for_end(&self) {
        let mut ignored = [0; 64];
        while io::stdin()
            .lock()
            .read(&mut ignored)
            .is_ok_and(|count| count > 0)
        {}
        let force = {
            let mut state = self.state();
            state.is_wanted = false;
            // The agent sees that its input ends.
            state.agent = None;
            state.force.take()
        };
        thread::sleep(GRACE);
        if let Some(mut force) = force {
            // What it says would be about a container that has just ended.
            let _ = force.output();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
