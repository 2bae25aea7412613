//! Everything that is tested, and the sum of it.

mod bazel_report;
mod reading;
mod section;
mod tally;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{bail, Context, Result};

use crate::agent;
use crate::engine::Running;
use crate::registry::{self, Registry};
use crate::workspace::Workspace;
use reading::Reading;
use section::Section;
use tally::Tally;

/// One command and how its results are counted.
struct Suite {
    name: String,
    command: Command,
    reading: Reading,
    /// The Bazel workspace whose server is ended afterwards: a small machine has no room for one each.
    server: Option<PathBuf>,
    /// Engines that run meanwhile, which the command finds in `STEVEDORE_TEST_ENGINES`.
    engines: &'static [&'static str],
    /// Registries that run meanwhile, which it finds in `STEVEDORE_TEST_REGISTRIES`.
    registries: &'static [&'static str],
    /// What it must not run beside.
    lane: Lane,
    /// Whether it needs the agent, which it finds in `STEVEDORE_TEST_AGENT`.
    agent: bool,
}

/// The engines that the deliver tool's own tests need.
const TEST_ENGINES: &[&str] = &[
    "docker-20",
    "docker-28",
    "docker-28-containerd",
    "docker-28@tmpfs:64m",
    "docker-28-containerd@tmpfs:100m",
    "docker-28@tls",
    "docker-28@ssh",
    "podman-4",
    "podman-5",
    "podman-5-rootless",
    "podman-5@tmpfs:100m",
    "containerd",
    "containerd@tmpfs:64m",
];

/// The registries that its tests of pushes need.
const TEST_REGISTRIES: &[&str] = &[
    "distribution-2",
    "distribution-3",
    "crane",
    "distribution-2@htpasswd",
    "distribution-2@token",
    "distribution-2@token:2",
    "distribution-2@tls",
    "distribution-2@mtls",
];

/// Who has most of the work of a suite. Suites of the same one come one after the other, and those of different ones at the same
/// time: most of a suite is waiting, and neither Cargo nor Bazel likes to be called twice at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lane {
    Cargo,
    Bazel,
}

/// What came of some suites.
#[derive(Debug, Default)]
struct Outcome {
    total: Tally,
    table: Vec<String>,
    failures: Vec<String>,
}

/// Runs every suite whose name contains one of `filters` (all, if there are none), prints a section for each, and,
/// as the last line, `N passed, N failed, N skipped`.
///
/// # Errors
/// At least one failed. A suite that cannot run counts as one failure.
pub(crate) fn run(workspace: &Workspace, filters: &[String]) -> Result<()> {
    let mut suites = suites(workspace)?;
    suites.retain(|suite| {
        filters.is_empty() || filters.iter().any(|filter| suite.name.contains(filter))
    });
    if suites.is_empty() {
        bail!("no suite has one of `{}` in its name", filters.join("`, `"));
    }
    let outcome = Mutex::new(Outcome::default());
    let (cargo, bazel): (Vec<_>, Vec<_>) = suites
        .into_iter()
        .partition(|suite| suite.lane == Lane::Cargo);
    let alone = cargo.is_empty() || bazel.is_empty();
    thread::scope(|scope| {
        for suites in [cargo, bazel] {
            scope.spawn(|| run_all(suites, workspace, alone, &outcome));
        }
    });
    let outcome = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !outcome.failures.is_empty() {
        println!("\n{}", outcome.failures.join("\n"));
    }
    println!("\n{}\n{}", outcome.table.join("\n"), outcome.total);
    if outcome.total.failed > 0 {
        // Said by the last line already, which has to stay the last.
        std::process::exit(1);
    }
    Ok(())
}

/// Runs suites one after the other.
fn run_all(suites: Vec<Suite>, workspace: &Workspace, alone: bool, outcome: &Mutex<Outcome>) {
    for mut suite in suites {
        let mut section = match alone {
            true => Section::live(&suite.name),
            false => Section::kept(&suite.name),
        };
        let start = Instant::now();
        let tally = suite.run(workspace, &mut section);
        let seconds = start.elapsed().as_secs();
        let line = format!("{:<32} {tally} ({seconds} s)", suite.name);
        section.line(&format!("--- {line}"));
        let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
        section.show();
        outcome.failures.extend_from_slice(section.failures());
        outcome.total += tally;
        outcome.table.push(line);
    }
}

impl Suite {
    fn new(name: impl Into<String>, command: Command, reading: Reading) -> Self {
        Self {
            name: name.into(),
            command,
            reading,
            server: None,
            engines: &[],
            registries: &[],
            lane: Lane::Cargo,
            agent: false,
        }
    }

    fn run(&mut self, workspace: &Workspace, section: &mut Section) -> Tally {
        let result = self.run_with_servers(workspace, section);
        if let Some(folder) = &self.server {
            if let Err(error) = crate::command::run(&mut workspace.bazel(folder, ["shutdown"])) {
                section.line(&format!("warning: {error:#}"));
            }
        }
        result.unwrap_or_else(|error| {
            section.line(&format!("error: {error:#}"));
            Tally::failure()
        })
    }

    /// Runs the command; its engines and registries end with it.
    fn run_with_servers(&mut self, workspace: &Workspace, section: &mut Section) -> Result<Tally> {
        if self.agent {
            let agent = agent::build(workspace)?;
            self.command.env("STEVEDORE_TEST_AGENT", agent);
        }
        let mut running = Vec::new();
        let mut addresses = Vec::new();
        for (index, engine) in self.engines.iter().enumerate() {
            // Two may be the same program, so the number keeps their folders apart.
            let started = Running::start(workspace, engine, &format!("t{index}"))?;
            addresses.push(listed(engine, &started)?);
            running.push(started);
        }
        if !addresses.is_empty() {
            self.command
                .env("STEVEDORE_TEST_ENGINES", addresses.join(","));
        }
        let registries = Registry::start_all(workspace, self.registries)?;
        if !registries.is_empty() {
            self.command
                .env("STEVEDORE_TEST_REGISTRIES", registry::entries(&registries));
        }
        self.reading.run(&mut self.command, section)
    }
}

/// An engine as the tests read it: `NAME=ADDRESS`, then each further variable with a semicolon before it.
fn listed(name: &str, engine: &Running) -> Result<String> {
    let mut entry = format!("{name}={}", engine.address()?);
    for (variable, value) in engine.variables()? {
        if !matches!(variable, "DOCKER_HOST" | "STEVEDORE_HOST") {
            entry += &format!(";{variable}={}", value.to_string_lossy());
        }
    }
    Ok(entry)
}

/// The suites, in each lane the quick ones first.
fn suites(workspace: &Workspace) -> Result<Vec<Suite>> {
    let dev = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(workspace.root().join("dev").join(program));
        command.args(arguments).current_dir(workspace.root());
        command
    };
    let this = |verb: &str| -> Result<Command> {
        let mut command =
            Command::new(std::env::current_exe().context("failed to find this program")?);
        command.arg(verb).current_dir(workspace.root());
        Ok(command)
    };
    let mut suites = vec![
        Suite::new(
            "rustfmt",
            dev("cargo", &["fmt", "--all", "--check"]),
            Reading::ExitCode,
        ),
        Suite::new("buildifier", starlark_lints(workspace)?, Reading::ExitCode),
        Suite::new("shellcheck", shell_lints(workspace)?, Reading::ExitCode),
        Suite::new("documentation", this("docs")?, Reading::ExitCode),
        Suite::new(
            "clippy",
            dev(
                "cargo",
                &[
                    "clippy",
                    "--workspace",
                    "--all-targets",
                    "--all-features",
                    "--",
                    "--deny=warnings",
                ],
            ),
            Reading::ExitCode,
        ),
        Suite::new(
            "cargo test",
            dev("cargo", &["test", "--workspace", "--no-fail-fast"]),
            Reading::CargoTest,
        ),
        bazel_suite(workspace, "bazel test //...", workspace.root())?,
    ];
    for example in examples(workspace)? {
        let name = format!("bazel test in {}", relative(workspace, &example).display());
        suites.push(bazel_suite(workspace, &name, &example)?);
    }
    let deliver_tests = |name: &str, feature: &str, test: &str| {
        let feature = format!("--features=stevedore_deliver/{feature}");
        let test = format!("--test={test}");
        // Not of one package: its dependencies' features, and so all of them, would be others.
        let arguments = ["test", "--workspace", &feature, &test];
        Suite::new(name, dev("cargo", &arguments), Reading::CargoTest)
    };
    suites.push(Suite {
        engines: TEST_ENGINES,
        // What a base is pulled from.
        registries: &["distribution-2"],
        agent: true,
        ..deliver_tests("engine tests", "engine-tests", "engines")
    });
    suites.push(Suite {
        registries: TEST_REGISTRIES,
        ..deliver_tests("registries", "registry-tests", "registries")
    });
    if let Some(registries) = suites.last_mut() {
        // Most of the time they wait, for pauses and for links that are slow on purpose.
        registries.command.args(["--", "--test-threads=8"]);
    }
    // As root, and as users whom `newuidmap` knows and does not know.
    let sandboxes = [
        "test",
        "--workspace",
        "--features=stevedore_sandbox/sandbox-tests",
        "--test=real",
    ];
    suites.push(Suite {
        agent: true,
        ..Suite::new("sandboxes", dev("cargo", &sandboxes), Reading::CargoTest)
    });
    suites.push(Suite {
        lane: Lane::Bazel,
        ..Suite::new("real engines", this("e2e")?, Reading::LastLine)
    });
    Ok(suites)
}

/// `bazel test //...` in a workspace.
fn bazel_suite(workspace: &Workspace, name: &str, folder: &Path) -> Result<Suite> {
    let report = workspace
        .cache_folder("reports")?
        .join(format!("{}.json", name.replace(['/', ' '], "_")));
    let mut flag = std::ffi::OsString::from("--build_event_json_file=");
    flag.push(&report);
    let mut command = workspace.bazel(
        folder,
        [
            "test",
            "--keep_going",
            "--test_output=errors",
            "--show_progress_rate_limit=60",
        ],
    );
    command.arg(flag).arg("//...");
    let mut suite = Suite::new(name, command, Reading::BazelTest(report));
    suite.server = Some(folder.to_owned());
    suite.lane = Lane::Bazel;
    Ok(suite)
}

/// The workspaces whose builds or tests run containers, and may have some that are to fail: `dev/e2e` has engines for them.
const NEEDS_ENGINES: [&str; 3] = ["run", "testcontainers", "testing"];

/// The consumer workspaces that Bazel alone can test.
fn examples(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let folder = workspace.root().join("e2e");
    let mut examples = Vec::new();
    for entry in
        fs::read_dir(&folder).with_context(|| format!("failed to list `{}`", folder.display()))?
    {
        let path = entry?.path();
        let needs_engines = NEEDS_ENGINES.iter().any(|name| path.ends_with(name));
        if path.join("MODULE.bazel").exists() && !needs_engines {
            examples.push(path);
        }
    }
    examples.sort();
    Ok(examples)
}

fn starlark_lints(workspace: &Workspace) -> Result<Command> {
    let mut command = Command::new(workspace.root().join("dev/buildifier"));
    command
        .args(["-mode=check", "-lint=warn"])
        .args(tracked(
            workspace,
            &["*.bzl", "*.bazel"],
            &["tools/crates/", "e2e/testcontainers/rust/crates/"],
        )?)
        .current_dir(workspace.root());
    Ok(command)
}

fn shell_lints(workspace: &Workspace) -> Result<Command> {
    let mut command = Command::new("shellcheck");
    let scripts = tracked(workspace, &["dev/*", ".ci/*"], &["dev/lib/modules/"])?
        .into_iter()
        .filter(|path| is_shell(&workspace.root().join(path)));
    command
        .args(["--external-sources", "--source-path=SCRIPTDIR"])
        .args(scripts)
        .current_dir(workspace.root());
    Ok(command)
}

fn is_shell(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "sh")
        || fs::read(path).is_ok_and(|text| text.starts_with(b"#!/usr/bin/env bash"))
}

/// The files of the repository that match a pattern and are not below one of the `except` folders; new ones that are
/// not yet committed count, ignored ones do not.
fn tracked(workspace: &Workspace, patterns: &[&str], except: &[&str]) -> Result<Vec<String>> {
    let mut command = Command::new("git");
    command
        .args([
            "-c",
            "safe.directory=*",
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "--",
        ])
        .args(patterns)
        .current_dir(workspace.root());
    let files: Vec<String> = crate::command::output(&mut command)?
        .lines()
        .filter(|path| !except.iter().any(|folder| path.starts_with(folder)))
        .map(str::to_owned)
        .collect();
    if files.is_empty() {
        bail!("`{}` names no file", crate::command::shown(&command));
    }
    Ok(files)
}

fn relative<'a>(workspace: &Workspace, path: &'a Path) -> &'a Path {
    path.strip_prefix(workspace.root()).unwrap_or(path)
}
