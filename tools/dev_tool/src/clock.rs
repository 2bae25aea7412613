//! Measuring programs from outside: how long they take and how much memory they need.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use nix::sys::resource::{getrusage, UsageWho};

use crate::command::{output, run};
use crate::scratch::Scratch;

/// This program, also when its file has been replaced by a newer build since it was started.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// How long `command` takes from its start to its end.
pub(crate) fn time(command: &mut Command) -> Result<Duration> {
    let start = Instant::now();
    run(command)?;
    Ok(start.elapsed())
}

/// The median; 0 of nothing.
pub(crate) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        length if length % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// The most memory that `command` has resident at a time, in bytes.
pub(crate) fn peak_memory(command: &Command) -> Result<u64> {
    let scratch = Scratch::new()?;
    let file = scratch.file("bytes");
    let mut measured = Command::new(OWN_PROGRAM);
    measured
        .arg("measure")
        .arg(&file)
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => measured.env(name, value),
            None => measured.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        measured.current_dir(folder);
    }
    output(&mut measured)?;
    let text = std::fs::read_to_string(&file).context("failed to read the measurement")?;
    text.trim()
        .parse()
        .with_context(|| format!("`{text}` is no number of bytes"))
}

/// Runs a program as the only child of this process, and writes its peak of resident memory to `file`, in bytes.
///
/// The kernel keeps that figure for all children together (getrusage(2)): hence a process for each measurement.
pub(crate) fn measure(file: &Path, program: &[OsString]) -> Result<ExitCode> {
    let Some((name, arguments)) = program.split_first() else {
        bail!("no program to measure");
    };
    let status = Command::new(name)
        .args(arguments)
        .status()
        .with_context(|| format!("failed to run `{}`", name.to_string_lossy()))?;
    let usage =
        getrusage(UsageWho::RUSAGE_CHILDREN).context("failed to read the resource usage")?;
    let bytes = usage.max_rss() * 1024;
    std::fs::write(file, format!("{bytes}\n"))
        .with_context(|| format!("failed to write `{}`", file.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        for (samples, expected) in [
            (&[][..], 0.0),
            (&[3.0], 3.0),
            (&[9.0, 1.0], 5.0),
            (&[9.0, 1.0, 2.0], 2.0),
        ] {
            assert!((median(samples) - expected).abs() < 1e-9, "{samples:?}");
        }
    }
}
