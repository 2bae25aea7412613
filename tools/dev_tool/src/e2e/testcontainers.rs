//! `e2e/testcontainers`: the libraries that start containers for tests, in each language, against engines whose containers have a network.

use std::time::Duration;

use anyhow::{ensure, Result};

use super::patience::wait_for;
use super::report::Report;
use crate::bazel::{Bazel, TEST_FLAGS};
use crate::command::{finish, output};
use crate::engine::Running;
use crate::proxy::Proxy;
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// The engines whose containers the tests start.
const ENGINES: [&str; 2] = ["docker-28@bridge", "docker-28-containerd@bridge"];

/// The packages, one a language; each has a test of its own, or several.
const PACKAGES: [&str; 6] = ["rust", "python", "java", "go", "node", "compose"];

/// Bazel's exit code when a test has failed.
const TESTS_FAILED: i32 = 3;

/// How long a reaper may take to see that its test is gone, and to remove what that has left.
const PATIENCE: Duration = Duration::from_secs(30);

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
        let scratch = Scratch::in_cache(workspace)?;
        let proxy = Proxy::start(&scratch.file("proxy.sock"), &engine.socket())?;
        let host = proxy.address();
        let mut report = report.of_engine(name);
        for package in PACKAGES {
            report.case(
                format!("{package} tests with an application and its database"),
                || test(&bazel, &host, &[&format!("//{package}/...")]),
            );
        }
        report.case("the tests run side by side", || {
            test(&bazel, &host, &["--local_test_jobs=6", "//..."])
        });
        report.case("nothing is pulled", || nothing_pulled(&proxy));
        report.case("no container and no network is left", || left(&engine));
        report.case("what a killed test leaves is removed", || {
            killed(&bazel, &engine)
        });
    }
    Ok(())
}

/// Runs tests, whatever was found before.
fn test(bazel: &Bazel<'_>, host: &str, arguments: &[&str]) -> Result<()> {
    let mut command = bazel.command("test", &[&TEST_FLAGS[..], arguments].concat());
    output(command.env("DOCKER_HOST", host)).map(drop)
}

/// What a test is given is there: no library has asked for it.
fn nothing_pulled(proxy: &Proxy) -> Result<()> {
    let traffic = proxy.take()?;
    let mut requests = traffic.requests.iter();
    ensure!(
        requests.any(|request| request.target.contains("/containers/create")),
        "no container was made through the proxy"
    );
    let pulls: Vec<_> = traffic.pulls().map(|pull| &pull.target).collect();
    ensure!(pulls.is_empty(), "images were to be pulled: {pulls:?}");
    Ok(())
}

/// A test that is killed while its containers run: the reaper, whose image is one of its `images`, removes them.
fn killed(bazel: &Bazel<'_>, engine: &Running) -> Result<()> {
    let mut command = bazel.command(
        "test",
        &[
            &TEST_FLAGS[..],
            &["--test_output=all", "//node:killed_test"],
        ]
        .concat(),
    );
    let result = finish(command.env("DOCKER_HOST", engine.host()))?;
    let said = String::from_utf8_lossy(&result.stdout);
    ensure!(
        result.status.code() == Some(TESTS_FAILED) && said.contains("the application runs"),
        "the test was not killed while its containers ran ({}):\n{said}",
        result.status
    );
    left(engine)
}

/// Waits until no container and no network is there that a test has made.
fn left(engine: &Running) -> Result<()> {
    wait_for(PATIENCE, || {
        let containers = engine.docker(["ps", "--all", "--quiet"])?;
        let networks = engine.docker(["network", "ls", "--quiet", "--filter=type=custom"])?;
        ensure!(
            containers.is_empty() && networks.is_empty(),
            "there are containers: {containers:?}, and networks: {networks:?}"
        );
        Ok(())
    })
}
