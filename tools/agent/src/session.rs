//! A job from its beginning to its end.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use stevedore_agent::{Collect, Job};
use stevedore_rootfs::{mount_points, Skipped, Snapshot};

use crate::account::Account;
use crate::collection::Collection;
use crate::commands;
use crate::error::Error;
use crate::inputs::Inputs;
use crate::printing::Printing;
use crate::processes;
use crate::secrets;

/// The root of the container.
pub(crate) const ROOT: &str = "/";

/// A job that is prepared: inputs and secrets are in their places.
pub(crate) struct Session<'a> {
    job: &'a Job,
    account: Account,
    inputs: Inputs,
}

impl<'a> Session<'a> {
    pub(crate) fn begin(job: &'a Job) -> Result<Self, Error> {
        let account = Account::find(&job.user)?;
        let inputs = Inputs::place(&job.placed_inputs)?;
        secrets::write(&job.secrets, &account)?;
        Ok(Self {
            job,
            account,
            inputs,
        })
    }

    /// Runs the commands, and finds what was asked for.
    pub(crate) fn carry_out(self) -> Result<Collection, Error> {
        let skipped = self.skipped()?;
        let before = match self.job.collect {
            Collect::Layer { .. } => Some(Snapshot::take(Path::new(ROOT), &skipped)?),
            Collect::Files { .. } | Collect::Nothing | Collect::Output => None,
        };
        self.enter_workdir()?;
        let mut printing = Printing::of(&self.job.collect);
        let result = commands::run(self.job, &self.account, &mut printing);
        // In any case: nothing may change any more.
        processes::kill_all()?;
        printing.finish()?;
        result?;
        match (&self.job.collect, before) {
            (Collect::Layer { latest_mtime, .. }, Some(before)) => {
                Collection::layer(&before, &skipped, &self.inputs, *latest_mtime)
            }
            (Collect::Files { paths }, _) => Collection::files(paths),
            _ => Ok(Collection::nothing()),
        }
    }

    fn skipped(&self) -> Result<Skipped, Error> {
        let mut skipped = Skipped::always();
        for path in mount_points()? {
            skipped.add(&path);
        }
        if let Collect::Layer { exclude, .. } = &self.job.collect {
            for path in exclude {
                skipped.add(path.as_bytes());
            }
        }
        self.inputs.skip(&mut skipped);
        Ok(skipped)
    }

    /// As Docker's WORKDIR does: what is missing is made, and belongs to root.
    fn enter_workdir(&self) -> Result<(), Error> {
        let workdir: PathBuf = Path::new(ROOT).join(&self.job.workdir);
        match fs::create_dir_all(&workdir) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::io("make the working directory", &workdir)(source));
            }
            _ => {}
        }
        std::env::set_current_dir(&workdir)
            .map_err(Error::io("enter the working directory", &workdir))
    }
}
