//! `e2e/testcontainers`: the libraries that start containers for tests, in each language, against engines whose containers have a network.

use anyhow::{ensure, Result};

use super::report::Report;
use crate::bazel::Bazel;
use crate::command::output;
use crate::engine::Running;
use crate::workspace::Workspace;

/// The engines whose containers the tests start.
const ENGINES: [&str; 2] = ["docker-28@bridge", "docker-28-containerd@bridge"];

/// The packages, one a language; each has a test of its own, or several.
const PACKAGES: [&str; 6] = ["rust", "python", "java", "go", "node", "compose"];

/// Every engine and every language.
pub(crate) fn cases(report: &mut Report, workspace: &Workspace) -> Result<()> {
    let bazel = Bazel::new(workspace, &workspace.root().join("e2e/testcontainers"))?;
    let mut builds = false;
    report.case("e2e/testcontainers builds", || {
        bazel.build(&["//..."])?;
        builds = true;
        Ok(())
    });
    if !builds {
        report.skip("e2e/testcontainers", "it does not build");
        return Ok(());
    }
    for name in ENGINES {
        let engine = Running::start(workspace, name, "e2e")?;
        for package in PACKAGES {
            report.case(
                format!("{name}: {package} tests with an application and its database"),
                || test(&bazel, &engine, &[&format!("//{package}/...")]),
            );
        }
        report.case(format!("{name}: the tests run side by side"), || {
            test(&bazel, &engine, &["--local_test_jobs=6", "//..."])
        });
        report.case(
            format!("{name}: no container and no network is left"),
            || left(&engine),
        );
    }
    Ok(())
}

/// Runs tests, whatever was found before.
fn test(bazel: &Bazel<'_>, engine: &Running, arguments: &[&str]) -> Result<()> {
    let options = ["--nocache_test_results", "--test_output=errors"];
    let mut command = bazel.command("test", &[&options[..], arguments].concat());
    output(command.env("DOCKER_HOST", engine.host())).map(drop)
}

fn left(engine: &Running) -> Result<()> {
    let containers = engine.docker(["ps", "--all", "--quiet"])?;
    ensure!(containers.is_empty(), "there are containers: {containers}");
    let networks = engine.docker(["network", "ls", "--quiet", "--filter=type=custom"])?;
    ensure!(networks.is_empty(), "there are networks: {networks}");
    Ok(())
}
