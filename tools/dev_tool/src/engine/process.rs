//! Daemons' processes: told apart by id *and* start time, so that a reused id is never killed.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use nix::errno::Errno;
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;

/// A process that was alive when this value was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Process {
    id: i32,
    /// Clock ticks after boot (field 22 of proc_pid_stat(5)).
    started: u64,
}

impl Process {
    /// The process with this id, if there is one that has not ended.
    pub(crate) fn find(id: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_ascii_whitespace();
        if matches!(fields.next()?, "Z" | "X") {
            return None;
        }
        let started = fields.nth(18)?.parse().ok()?;
        Some(Self { id, started })
    }

    /// Reads back what [`Process::save`] wrote; `None` if the file is not there or its process has ended.
    pub(crate) fn load(file: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        let (id, started) = text.trim().split_once(' ')?;
        let saved = Self {
            id: id.parse().ok()?,
            started: started.parse().ok()?,
        };
        saved.alive().then_some(saved)
    }

    /// Writes the id and the start time to `file`.
    pub(crate) fn save(self, file: &Path) -> Result<()> {
        fs::write(file, format!("{} {}\n", self.id, self.started))
            .with_context(|| format!("failed to write `{}`", file.display()))
    }

    /// Whether it is still there, and still the same process.
    pub(crate) fn alive(self) -> bool {
        Self::find(self.id) == Some(self)
    }

    /// Every process that has an argument in which `text` occurs.
    pub(crate) fn with_argument(text: &str) -> Result<Vec<Self>> {
        let own = std::process::id().to_string();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").context("failed to list `/proc`")? {
            let name = entry.context("failed to list `/proc`")?.file_name();
            let Some(id) = name.to_str().filter(|name| *name != own) else {
                continue;
            };
            let Ok(id) = id.parse() else { continue };
            // The process may end between the listing and the reading.
            let Ok(arguments) = fs::read(format!("/proc/{id}/cmdline")) else {
                continue;
            };
            if String::from_utf8_lossy(&arguments).contains(text) {
                found.extend(Self::find(id));
            }
        }
        Ok(found)
    }

    /// Asks it to end, and after `patience` makes it.
    pub(crate) fn end(self, patience: Duration) -> Result<()> {
        self.send(Signal::SIGTERM)?;
        if self.ended_within(patience) {
            return Ok(());
        }
        self.send(Signal::SIGKILL)?;
        if self.ended_within(Duration::from_secs(10)) {
            return Ok(());
        }
        bail!("process {} does not end, not even by SIGKILL", self.id)
    }

    fn send(self, signal: Signal) -> Result<()> {
        if !self.alive() {
            return Ok(());
        }
        match kill(Pid::from_raw(self.id), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("failed to end process {}", self.id)),
        }
    }

    fn ended_within(self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while self.alive() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_saved_process_is_found_again_until_it_ends() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("process");
        let mut child = Command::new("sleep").arg("60").spawn()?;
        let process =
            Process::find(i32::try_from(child.id())?).context("the child is not there")?;
        process.save(&file)?;
        assert_eq!(Process::load(&file), Some(process));
        process.end(Duration::from_secs(5))?;
        assert_eq!(Process::load(&file), None);
        child.wait()?;
        Ok(())
    }

    #[test]
    fn a_reused_id_is_another_process() -> Result<()> {
        let own = Process::find(i32::try_from(std::process::id())?).context("not there")?;
        let other = Process {
            started: own.started + 1,
            ..own
        };
        assert!(own.alive());
        assert!(!other.alive());
        Ok(())
    }
}
