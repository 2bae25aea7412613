//! Loads that cannot succeed: the exit code and the message. Those that are disturbed are in the matrix.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{ensure, Result};

use super::report::Report;
use crate::command::finish;
use crate::delivery_report::DeliveryReport;
use crate::engine::Running;
use crate::scratch::Scratch;

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
    let report = DeliveryReport::read(&report)?;
    ensure!(
        report.outcome == "failed",
        "the report says `{}`",
        report.outcome
    );
    Ok(())
}
