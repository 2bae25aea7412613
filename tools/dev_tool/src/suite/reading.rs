//! How the results of a suite are read from what its command does.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{bail, Context, Result};

use super::bazel_report;
use super::section::Section;
use super::tally::Tally;
use crate::command::shown;

/// Bazel's exit code for a build that went well and had no test in it.
const NO_TESTS_FOUND: i32 = 4;

/// Where a command's results are.
#[derive(Debug)]
pub(crate) enum Reading {
    /// One test, which passes if the exit code is 0.
    ExitCode,
    /// The `test result:` lines that `cargo test` prints, one for each program with tests.
    CargoTest,
    /// The last line, in [`Tally`]'s own words.
    LastLine,
    /// The build events that Bazel writes to this file. A workspace without tests counts as one, that it builds.
    BazelTest(PathBuf),
}

impl Reading {
    /// Runs the command, shows in `section` what it prints, and counts.
    ///
    /// # Errors
    /// The command cannot be started, or its results are not where they should be.
    pub(crate) fn run(&self, command: &mut Command, section: &mut Section) -> Result<Tally> {
        let mut tally = Tally::default();
        let mut last = None;
        let code = show(command, section, |line| {
            match self {
                Self::CargoTest => tally += cargo_result(line).unwrap_or_default(),
                Self::LastLine => last = Tally::parse(line),
                Self::ExitCode | Self::BazelTest(_) => {}
            };
        })?;
        match self {
            Self::CargoTest => {}
            Self::ExitCode if code == 0 => tally = Tally::success(),
            Self::ExitCode => tally = Tally::failure(),
            Self::LastLine => match last {
                Some(last) => tally = last,
                None => bail!(
                    "the last line of `{}` has no totals (exit code {code})",
                    shown(command)
                ),
            },
            Self::BazelTest(report) => {
                tally = bazel_report::read(report)?;
                if code == NO_TESTS_FOUND && tally == Tally::default() {
                    return Ok(Tally::success());
                }
            }
        }
        if code != 0 && tally.failed == 0 {
            section.line(&format!(
                "`{}` failed with exit code {code}, though no test did",
                shown(command)
            ));
            tally.failed = 1;
        }
        if tally == Tally::default() {
            bail!("`{}` ran no test", shown(command));
        }
        Ok(tally)
    }
}

/// Runs a command to its end; every line of its standard output is shown and handed to `look`.
fn show(command: &mut Command, section: &mut Section, mut look: impl FnMut(&str)) -> Result<i32> {
    let failed = format!("failed to run `{}`", shown(command));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context(failed.clone())?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line.context(failed.clone())?;
            let line = String::from_utf8_lossy(&line);
            section.line(&line);
            look(&line);
        }
    }
    let status = child.wait().context(failed)?;
    // Ended by a signal: any code but 0 will do.
    Ok(status.code().unwrap_or(-1))
}

/// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`.
fn cargo_result(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut tally = Tally::default();
    for part in counts.split(';') {
        let (number, unit) = part.trim().split_once(' ')?;
        match unit {
            "passed" => tally.passed = number.parse().ok()?,
            "failed" => tally.failed = number.parse().ok()?,
            "ignored" => tally.skipped = number.parse().ok()?,
            _ => {}
        }
    }
    Some(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn run(reading: &Reading, command: &mut Command) -> Result<Tally> {
        reading.run(command, &mut Section::kept("a suite"))
    }

    fn tally(passed: u64, failed: u64, skipped: u64) -> Tally {
        Tally {
            passed,
            failed,
            skipped,
        }
    }

    #[test]
    fn cargo_results_add_up() -> Result<()> {
        let script = "echo 'test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s'
            echo 'test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s'
            exit 101";
        assert_eq!(
            run(&Reading::CargoTest, &mut shell(script))?,
            tally(4, 2, 1)
        );
        Ok(())
    }

    #[test]
    fn a_command_that_fails_without_a_failed_test_is_a_failure() -> Result<()> {
        let script = "echo 'test result: ok. 3 passed; 0 failed; 0 ignored'; exit 101";
        assert_eq!(
            run(&Reading::CargoTest, &mut shell(script))?,
            tally(3, 1, 0)
        );
        assert_eq!(
            run(&Reading::CargoTest, &mut shell("exit 101"))?,
            tally(0, 1, 0)
        );
        assert_eq!(
            run(
                &Reading::LastLine,
                &mut shell("echo 1 passed, 0 failed, 0 skipped; exit 1")
            )?,
            tally(1, 1, 0)
        );
        Ok(())
    }

    #[test]
    fn a_command_without_results_is_an_error() {
        assert!(run(&Reading::CargoTest, &mut shell("exit 0")).is_err());
        assert!(run(
            &Reading::LastLine,
            &mut shell("echo 1 passed, 0 failed, 0 skipped; echo then more")
        )
        .is_err());
        assert!(run(&Reading::ExitCode, &mut Command::new("/nonexistent")).is_err());
    }

    #[test]
    fn an_exit_code_is_one_test() -> Result<()> {
        assert_eq!(
            run(&Reading::ExitCode, &mut shell("exit 0"))?,
            tally(1, 0, 0)
        );
        assert_eq!(
            run(&Reading::ExitCode, &mut shell("kill -9 $$"))?,
            tally(0, 1, 0)
        );
        Ok(())
    }
}
