//! Tests that cannot have their images: what becomes of them, and what is left.

use std::process::Command;

use anyhow::{ensure, Context, Result};

use super::stand::{Stand, Tested, NOWHERE};
use crate::command::finish;
use crate::e2e::report::Report;
use crate::proxy::{Disturbance, Proxy};

/// A test whose image no other has, and how much of it has been sent when something happens.
const FRESH: &str = "//cases:fresh_probe";
const AMID: u64 = 100_000;

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
    report.case("a load that fails amid the upload", || failed_load(stand));
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

/// The engine goes away amid the upload: there is nothing of the image, and nothing of the test.
fn failed_load(stand: &Stand<'_>) -> Result<()> {
    let breaking = disturbed(stand, "breaking", Disturbance::BreakAfter(AMID))?;
    let tested = stand.test_at(&breaking.address(), FRESH, &[])?;
    not_started(&tested, &["failed to load `//cases:fresh`"])?;
    has_sent_a_part(&breaking)?;
    has_no_fresh(stand)?;

    let breaking = disturbed(stand, "broken", Disturbance::BreakAfter(AMID))?;
    let mut test = Command::new(stand.bazel.executable(FRESH)?);
    let result = finish(test.env("DOCKER_HOST", breaking.address()))?;
    ensure!(
        result.status.code() == Some(1),
        "it ended with {}",
        result.status
    );
    has_no_fresh(stand)
}

fn disturbed(stand: &Stand<'_>, name: &str, disturbance: Disturbance) -> Result<Proxy> {
    let socket = stand.file(&format!("{name}.sock"));
    Proxy::disturbing(&socket, &stand.engine.socket(), disturbance)
}

/// The load had come to its upload.
fn has_sent_a_part(proxy: &Proxy) -> Result<()> {
    let traffic = proxy.take()?;
    ensure!(
        traffic.uploads().count() > 0 && traffic.sent > AMID,
        "nothing was uploaded: {:?}",
        traffic.requests
    );
    Ok(())
}

fn has_no_fresh(stand: &Stand<'_>) -> Result<()> {
    let images = stand
        .engine
        .docker(["images", "--quiet", "--filter=reference=testing/fresh"])?;
    ensure!(images.is_empty(), "the image is there: {images}");
    Ok(())
}

/// A timeout ends it as it would end the test. The next one finds no lock and no half of an image.
fn killed(stand: &Stand<'_>) -> Result<()> {
    let stopping = disturbed(stand, "stopping", Disturbance::StopAfter(AMID))?;
    let tested = stand.test_at(&stopping.address(), FRESH, &["--test_timeout=2"])?;
    tested.expect("TIMEOUT", &[])?;
    ensure!(
        !tested.logs[0].contains("argument: "),
        "the test was started:\n{}",
        tested.logs[0]
    );
    stopping.open();
    has_no_fresh(stand)?;
    stand.test(FRESH, &[])?.expect("PASSED", &[])
}
