//! Tests that cannot have their images: what becomes of them, and what is left.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{ensure, Context, Result};

use super::stand::{Stand, Tested, NOWHERE};
use crate::command::finish;
use crate::e2e::report::Report;
use crate::proxy::{Disturbance, Proxy};

/// Every case.
pub(super) fn cases(report: &mut Report, stand: &Stand<'_>) {
    let mut report = report.of_engine(stand.engine.name());
    report.case("without an engine a test fails within a second", || {
        nowhere(stand)
    });
    report.case("or is skipped, where the target says so", || skipped(stand));
    report.case(
        "or where podman's command is all there is, and no use",
        || useless_command(stand),
    );
    report.case("a variable that is set twice", || {
        let tested = stand.test("//cases:probe", &["--test_env=APP_IMAGE=mine"])?;
        not_started(&tested, &["`APP_IMAGE`", "`mine`"])
    });
    report.case("a load that fails", || failed_load(stand));
    report.case("a test that is killed while its image is sent", || {
        killed(stand)
    });
}

/// The load failed, so there is nothing of the test, but the load's message.
fn not_started(tested: &Tested, parts: &[&str]) -> Result<()> {
    tested.expect("FAILED", &[&["error: "], parts].concat())?;
    let log = tested.logs.join("\n");
    ensure!(!log.contains("argument: "), "the test was started:\n{log}");
    Ok(())
}

fn nowhere(stand: &Stand<'_>) -> Result<()> {
    let tested = stand.test_at(NOWHERE, "//cases:probe", &[])?;
    not_started(&tested, &["/no/such/docker.sock"])?;
    stand.fails_at_once("//cases:probe")
}

fn skipped(stand: &Stand<'_>) -> Result<()> {
    let tested = stand.test_at(NOWHERE, "//cases:skipped", &[])?;
    tested.expect("PASSED", &["skipped", "/no/such/docker.sock"])?;
    ensure!(
        tested.xml[0].contains("<skipped") && !tested.logs[0].contains("argument: "),
        "{tested:#?}"
    );
    // With an engine it is a test like any other.
    let tested = stand.test("//cases:skipped", &["--test_arg=exit=7"])?;
    tested.expect("FAILED", &["argument: exit=7"])
}

/// In Bazel's sandbox podman cannot write to its storage.
fn useless_command(stand: &Stand<'_>) -> Result<()> {
    let path = std::env::var("PATH").context("no `PATH`")?;
    let path = format!("--test_env=PATH={path}");
    // An engine of the machine would be taken.
    let flags = [&path, "--sandbox_block_path=/run"];
    let mut command = stand.test_command("//cases:skipped", &flags);
    command.env_remove("DOCKER_HOST");
    let tested = stand.finished("//cases:skipped", command)?;
    tested.expect("PASSED", &["skipped", "podman", "read-only file system"])
}

fn failed_load(stand: &Stand<'_>) -> Result<()> {
    let socket = stand.file("refusing.sock");
    refuse(&socket)?;
    let host = format!("unix://{}", socket.display());
    let tested = stand.test_at(&host, "//cases:fresh_probe", &[])?;
    not_started(&tested, &[])?;
    let executable = stand.bazel.executable("//cases:fresh_probe")?;
    let result = finish(Command::new(executable).env("DOCKER_HOST", &host))?;
    ensure!(
        matches!(result.status.code(), Some(1 | 3)),
        "it ended with {}",
        result.status
    );
    Ok(())
}

/// An engine that answers everything in the same way.
fn refuse(socket: &Path) -> Result<()> {
    let listener = UnixListener::bind(socket).context("failed to listen")?;
    thread::spawn(move || -> std::io::Result<()> {
        for stream in listener.incoming() {
            let mut stream = stream?;
            let mut head = BufReader::new(stream.try_clone()?).lines();
            while head
                .next()
                .transpose()?
                .is_some_and(|line| !line.is_empty())
            {}
            let body = "{\"message\":\"out of order\"}";
            write!(
                stream,
                "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )?;
        }
        Ok(())
    });
    Ok(())
}

/// A timeout ends it as it would end the test. The next one finds no lock and no half of an image.
fn killed(stand: &Stand<'_>) -> Result<()> {
    let socket = stand.file("stopping.sock");
    let stopping = Proxy::disturbing(
        &socket,
        &stand.engine.socket(),
        Disturbance::StopAfter(100_000),
    )?;
    let tested = stand.test_at(
        &stopping.address(),
        "//cases:fresh_probe",
        &["--test_timeout=2"],
    )?;
    tested.expect("TIMEOUT", &[])?;
    ensure!(
        !tested.logs[0].contains("argument: "),
        "the test was started:\n{}",
        tested.logs[0]
    );
    stopping.open();
    let left = stand
        .engine
        .docker(["images", "--quiet", "--filter=reference=testing/fresh"])?;
    ensure!(left.is_empty(), "the image is there: {left}");
    stand
        .test("//cases:fresh_probe", &[])?
        .expect("PASSED", &[])
}
