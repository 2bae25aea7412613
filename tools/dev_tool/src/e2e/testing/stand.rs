//! An engine behind a proxy that counts, and Bazel's tests that find it there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};

use crate::bazel::{Bazel, TEST_FLAGS};
use crate::command::finish;
use crate::engine::Running;
use crate::proxy::Proxy;
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// Where there is no engine.
pub(super) const NOWHERE: &str = "unix:///no/such/docker.sock";

/// How long a test may take to find out that there is no engine.
const AT_ONCE: Duration = Duration::from_secs(1);

/// What a test has for itself.
pub(super) struct Stand<'a> {
    pub(super) bazel: &'a Bazel<'a>,
    pub(super) engine: Running,
    pub(super) proxy: Proxy,
    /// Not below `/tmp`, of which a sandboxed test sees nothing.
    scratch: Scratch,
}

/// What Bazel made of one test.
#[derive(Debug)]
pub(super) struct Tested {
    /// Bazel's exit code.
    pub(super) code: i32,
    /// `PASSED`, `FAILED`, `TIMEOUT`, as Bazel's summary has it, and what follows: `FAILED in 3 out of 3`.
    pub(super) status: String,
    /// What the runs and shards of the test wrote, without Bazel's heading.
    pub(super) logs: Vec<String>,
    /// The results in JUnit's form.
    pub(super) xml: Vec<String>,
}

impl<'a> Stand<'a> {
    /// Starts `engine` with an empty store.
    pub(super) fn start(workspace: &Workspace, bazel: &'a Bazel<'a>, engine: &str) -> Result<Self> {
        let engine = Running::start(workspace, engine, "e2e")?;
        let scratch = Scratch::in_cache(workspace)?;
        let proxy = Proxy::start(&scratch.file("proxy.sock"), &engine.socket())?;
        Ok(Self {
            bazel,
            engine,
            proxy,
            scratch,
        })
    }

    /// Whether the engine may read layers from this machine's disk.
    pub(super) fn is_podman(&self) -> bool {
        self.engine.name().to_string().starts_with("podman")
    }

    /// The path of a file that tests can see; the file need not exist.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.scratch.file(name)
    }

    /// A command of Bazel that finds the engine as a user's would.
    pub(super) fn command(&self, verb: &str, arguments: &[&str]) -> Command {
        let mut command = self.bazel.command(verb, arguments);
        command
            .env("DOCKER_HOST", self.proxy.address())
            .env("PROBE_INHERITED", "from outside");
        command
    }

    /// `bazel test` of one target.
    pub(super) fn test(&self, target: &str, flags: &[&str]) -> Result<Tested> {
        self.finished(target, self.test_command(target, flags))
    }

    /// `bazel test` of one target, where the engine is said to be elsewhere.
    pub(super) fn test_at(&self, host: &str, target: &str, flags: &[&str]) -> Result<Tested> {
        let mut command = self.test_command(target, flags);
        command.env("DOCKER_HOST", host);
        self.finished(target, command)
    }

    /// `bazel coverage` of one target.
    pub(super) fn cover(&self, target: &str, flags: &[&str]) -> Result<Tested> {
        let command = self.command("coverage", &[&TEST_FLAGS, flags, &[target]].concat());
        self.finished(target, command)
    }

    /// The command that is `bazel test` of one target, for [`Stand::finished`].
    pub(super) fn test_command(&self, target: &str, flags: &[&str]) -> Command {
        self.command("test", &[&TEST_FLAGS, flags, &[target]].concat())
    }

    /// What Bazel's summary says of `target` when `command` runs it; with `(cached)`, if nothing was run.
    pub(super) fn summary(target: &str, mut command: Command) -> Result<String> {
        let (_, said) = run(&mut command)?;
        summary(&said, target)
            .map(ToOwned::to_owned)
            .with_context(|| format!("Bazel ran no `{target}`:\n{said}"))
    }

    /// What becomes of `target` when `command` runs it.
    pub(super) fn finished(&self, target: &str, mut command: Command) -> Result<Tested> {
        let logs = self.logs_of(target);
        if logs.exists() {
            fs::remove_dir_all(&logs)
                .with_context(|| format!("failed to remove `{}`", logs.display()))?;
        }
        let (code, said) = run(&mut command)?;
        let Some(status) = status(&said, target) else {
            bail!("Bazel ran no `{target}`:\n{said}");
        };
        Ok(Tested {
            code,
            status,
            logs: named(&logs, "test.log")?
                .iter()
                .map(|log| without_heading(log))
                .collect(),
            xml: named(&logs, "test.xml")?,
        })
    }

    /// An error unless the test, without Bazel around it, finds at once that there is no engine.
    pub(super) fn fails_at_once(&self, target: &str) -> Result<()> {
        let executable = self.bazel.executable(target)?;
        let start = Instant::now();
        let result = finish(Command::new(executable).env("DOCKER_HOST", NOWHERE))?;
        let took = start.elapsed();
        ensure!(
            result.status.code() == Some(3),
            "it ended with {}",
            result.status
        );
        ensure!(took < AT_ONCE, "it took {took:?}");
        Ok(())
    }

    /// An error if the engine has a container, running or not.
    pub(super) fn has_no_container(&self) -> Result<()> {
        let containers = self.engine.docker(["ps", "--all", "--quiet"])?;
        ensure!(containers.is_empty(), "there are containers: {containers}");
        Ok(())
    }

    /// The folder of a test's results.
    pub(super) fn logs_of(&self, target: &str) -> PathBuf {
        let relative = target.trim_start_matches('/').replace(':', "/");
        let relative = relative.trim_start_matches('/');
        self.bazel.folder().join("bazel-testlogs").join(relative)
    }
}

impl Tested {
    /// An error unless the test ended like this and wrote all `parts`.
    pub(super) fn expect(&self, status: &str, parts: &[&str]) -> Result<()> {
        ensure!(
            self.status == status,
            "it {}, expected {status}:\n{}",
            self.status,
            self.logs.join("\n")
        );
        for part in parts {
            ensure!(
                self.logs.iter().all(|log| log.contains(part)),
                "`{part}` is not in:\n{}",
                self.logs.join("\n")
            );
        }
        Ok(())
    }

    /// What the probe tells of a variable.
    pub(super) fn value(&self, name: &str) -> Result<&str> {
        let start = format!("{name} is ");
        self.logs
            .iter()
            .flat_map(|log| log.lines())
            .find_map(|line| line.strip_prefix(&start))
            .with_context(|| format!("`{name}` is not in:\n{}", self.logs.join("\n")))
    }
}

/// Bazel's exit code, and what it says.
fn run(command: &mut Command) -> Result<(i32, String)> {
    let result = finish(command)?;
    let said = String::from_utf8_lossy(&result.stdout).into_owned()
        + &String::from_utf8_lossy(&result.stderr);
    Ok((result.status.code().context("Bazel was killed")?, said))
}

/// What Bazel's summary says of a target: `//cases:probe   FAILED in 2 out of 8 in 0.4s`.
fn summary<'a>(said: &'a str, target: &str) -> Option<&'a str> {
    said.lines()
        .find_map(|line| line.strip_prefix(target)?.strip_prefix(' '))
        .map(str::trim)
}

/// The summary without what differs from run to run: `FAILED in 2 out of 8`.
fn status(said: &str, target: &str) -> Option<String> {
    let words = summary(said, target)?;
    let end = words.rfind(" in ").unwrap_or(words.len());
    Some(words[..end].trim_start_matches("(cached) ").to_owned())
}

/// The contents of the files with a name in a folder and in those below it.
fn named(folder: &Path, name: &str) -> Result<Vec<String>> {
    let failed = || format!("failed to read `{}`", folder.display());
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .with_context(failed)?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(named(&path, name)?);
        } else if path.file_name().is_some_and(|found| found == name) {
            let text =
                fs::read(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
            found.push(String::from_utf8_lossy(&text).into_owned());
        }
    }
    Ok(found)
}

/// The log without the lines with which Bazel's own script begins it.
fn without_heading(log: &str) -> String {
    let rule = "-".repeat(77);
    match log.split_once(&rule) {
        Some((_, rest)) => rest.trim_start().to_owned(),
        None => log.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_what_the_summary_says() {
        for (line, expected) in [
            ("//a:b   PASSED in 0.4s", Some("PASSED")),
            ("//a:b   (cached) PASSED in 0.4s", Some("PASSED")),
            (
                "//a:b   FAILED in 2 out of 8 in 0.4s",
                Some("FAILED in 2 out of 8"),
            ),
            ("//a:b   NO STATUS", Some("NO STATUS")),
            ("//a:bc  PASSED in 0.4s", None),
        ] {
            let said = format!("INFO: something\n{line}\n");
            assert_eq!(status(&said, "//a:b").as_deref(), expected);
        }
    }
}
