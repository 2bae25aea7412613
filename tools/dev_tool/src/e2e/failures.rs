//! Loads that cannot succeed: the exit code, the message, and that nothing stays behind.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;

use super::report::Report;
use crate::command::finish;
use crate::engine::Running;
use crate::load_report::LoadReport;
use crate::proxy::Proxy;
use crate::scratch::Scratch;

/// How many bytes are sent when a load is interrupted: amid the base.
const INTERRUPT_AFTER: u64 = 8_000_000;

/// A load that fails.
struct Failure<'a> {
    host: String,
    exit_code: i32,
    parts: &'a [&'a str],
}

/// The failures that need no engine, or this one.
pub(crate) fn cases(report: &mut Report, load: &Path, engine: &Running) {
    report.case("without a daemon the load fails", || {
        let failure = Failure {
            host: "unix:///nonexistent/docker.sock".to_owned(),
            exit_code: 3,
            parts: &["/nonexistent/docker.sock"],
        };
        fails(Command::new(load), &failure)
    });
    report.case("without permission on the socket the load fails", || {
        without_permission(load, engine)
    });
    report.case("Ctrl-C during an upload leaves nothing", || {
        interrupted(load, engine)
    });
}

/// A daemon whose disk is full: the image of `load` is larger than its data root.
pub(crate) fn full_disk(load: &Path, engine: &Running) -> Result<()> {
    let failure = Failure {
        host: engine.host(),
        exit_code: 1,
        parts: &["no space left on device"],
    };
    fails(Command::new(load), &failure)?;
    is_empty(engine)
}

/// Ctrl-C while the layers are uploaded.
fn interrupted(load: &Path, engine: &Running) -> Result<()> {
    let scratch = Scratch::new()?;
    let proxy = Proxy::start(&scratch.file("proxy.sock"), &engine.socket())?;
    let mut child = Command::new(load)
        .env("DOCKER_HOST", proxy.host())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("failed to run `{}`", load.display()))?;
    while proxy.sent() < INTERRUPT_AFTER && child.try_wait()?.is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGINT)
        .context("failed to interrupt")?;
    let status = child.wait().context("failed to wait for the load")?;
    ensure!(
        status.code() == Some(130),
        "it ended with {status}, expected exit code 130"
    );
    is_empty(engine)
}

/// Nothing is in the engine's store. It cleans up after an upload that has ended, so it gets a moment.
fn is_empty(engine: &Running) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let content = engine.content()?;
        if content.is_empty() {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "this stayed behind: {}",
            content.join(", ")
        );
        thread::sleep(Duration::from_millis(100));
    }
}

/// Runs the load as a user that is neither root nor in the socket's group, but may read what root may: the build's outputs
/// can be below a folder that is root's alone.
fn without_permission(load: &Path, engine: &Running) -> Result<()> {
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .args([
            "--inh-caps=+dac_read_search",
            "--ambient-caps=+dac_read_search",
        ])
        .arg("--")
        .arg(load);
    let failure = Failure {
        host: engine.host(),
        exit_code: 3,
        parts: &["permission"],
    };
    fails(command, &failure)
}

fn fails(mut command: Command, failure: &Failure<'_>) -> Result<()> {
    let scratch = Scratch::new()?;
    std::fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o777))?;
    let report = scratch.file("report.json");
    let result = finish(
        command
            .arg(format!("--report={}", report.display()))
            .env("DOCKER_HOST", &failure.host),
    )?;
    let said = String::from_utf8_lossy(&result.stderr);
    ensure!(
        result.status.code() == Some(failure.exit_code),
        "it ended with {}, expected {}:\n{said}",
        result.status,
        failure.exit_code
    );
    for part in ["error: "].iter().chain(failure.parts) {
        ensure!(
            said.to_lowercase().contains(part),
            "`{part}` is not in the message:\n{said}"
        );
    }
    let report = LoadReport::read(&report)?;
    ensure!(
        report.outcome == "failed",
        "the report says `{}`",
        report.outcome
    );
    Ok(())
}
