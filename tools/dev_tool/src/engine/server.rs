//! One process that serves in the background: started with a log, found again, stopped.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{bail, Context, Result};

use super::process::Process;

/// Whether a server outlives the command that starts it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lifetime {
    /// Until `dev/engine stop`.
    UntilStopped,
    /// The kernel ends it when this process ends, however that comes.
    WithThisProcess,
}

impl Lifetime {
    /// The words that come before a program so that it lives so long.
    pub(crate) fn prefix(self) -> &'static [&'static str] {
        match self {
            Self::UntilStopped => &[],
            Self::WithThisProcess => &["setpriv", "--pdeathsig", "TERM", "--"],
        }
    }
}

/// A server that may run or not.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Where its process is written down.
    pub(crate) process_file: PathBuf,
    /// What it says.
    pub(crate) log: PathBuf,
}

impl Server {
    /// Starts `command`, which stays in the foreground.
    pub(crate) fn start(&self, command: &mut Command) -> Result<Child> {
        let log = File::create(&self.log)
            .with_context(|| format!("failed to create `{}`", self.log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("failed to open the server's log")?)
            .stderr(log)
            // A Ctrl-C at the terminal is for the command, which then stops its servers in order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("failed to run `{}`", crate::command::shown(command)))?;
        match i32::try_from(child.id()).ok().and_then(Process::find) {
            Some(process) => process.save(&self.process_file)?,
            None => bail!("the server ended at once: {}", self.log_tail()),
        }
        Ok(child)
    }

    /// Its process, if it runs.
    pub(crate) fn process(&self) -> Option<Process> {
        Process::load(&self.process_file)
    }

    /// Ends it, if it runs, after at most `patience` by force.
    pub(crate) fn stop(&self, patience: Duration) -> Result<()> {
        if let Some(process) = self.process() {
            process.end(patience)?;
        }
        if self.process_file.exists() {
            fs::remove_file(&self.process_file)
                .with_context(|| format!("failed to remove `{}`", self.process_file.display()))?;
        }
        Ok(())
    }

    /// The log's last lines, for an error message.
    pub(crate) fn log_tail(&self) -> String {
        match fs::read_to_string(&self.log) {
            Ok(text) => {
                let lines: Vec<_> = text.lines().collect();
                let tail = lines[lines.len().saturating_sub(15)..].join("\n  ");
                format!("the end of `{}`:\n  {tail}", self.log.display())
            }
            Err(error) => format!("`{}` cannot be read: {error}", self.log.display()),
        }
    }
}
