//! `e2e/testing`: tests that need images, run by a real Bazel against real engines. What Bazel makes of a test must be the same
//! with `oci_test` as without it.

mod alike;
mod cached;
mod clean_up;
mod coverage;
mod images;
mod libraries;
mod platforms;
mod refused;
mod stand;

use anyhow::{ensure, Result};

use super::report::Report;
use crate::bazel::Bazel;
use crate::proxy::Request;
use crate::workspace::Workspace;
use stand::Stand;

/// The engines that tests are run against; the first one is asked more.
const ENGINES: [&str; 3] = ["docker-28", "docker-28-containerd", "podman-5"];

/// The layer that `//cases:crowded` has for itself.
const CROWDED_LAYER: u64 = 20_000_000;

/// Every engine.
pub(crate) fn cases(report: &mut Report, workspace: &Workspace) -> Result<()> {
    let bazel = Bazel::new(workspace, &workspace.root().join("e2e/testing"))?;
    for (number, name) in ENGINES.into_iter().enumerate() {
        let stand = Stand::start(workspace, &bazel, name)?;
        engine_cases(report, &stand);
        platforms::engine_cases(report, &stand);
        images::engine_cases(report, &stand);
        if number == 0 {
            alike::cases(report, &stand);
            platforms::cases(report, &stand);
            refused::cases(report, &stand);
            images::cases(report, &stand);
            coverage::cases(report, &stand);
            libraries::cases(report, &stand);
            cached::cases(report, &stand);
        }
        clean_up::cases(report, &stand);
        report
            .of_engine(name)
            .case("no container is left", || stand.has_no_container());
    }
    Ok(())
}

fn engine_cases(report: &mut Report, stand: &Stand<'_>) {
    let mut report = report.of_engine(stand.engine.name());
    report.case("eight tests at once cause one upload", || crowd(stand));
    report.case("a test finds its images", || {
        stand.test("//:it", &[])?.expect("PASSED", &["3 passed"])
    });
    report.case("a test that calls the load itself", || {
        let tested = stand.test("//cpp:greeting_test", &[])?;
        tested.expect("PASSED", &["Hello from a test's image."])
    });
    report.case("variables are references that the engine knows", || {
        references(stand)
    });
    report.case(
        "a test sees the engine in Bazel's strictest sandbox",
        || {
            let flags = [
                "--spawn_strategy=linux-sandbox",
                "--incompatible_sandbox_hermetic_tmp",
                "--sandbox_default_allow_network=false",
            ];
            stand.test("//:it", &flags)?.expect("PASSED", &["3 passed"])
        },
    );
}

/// Whichever comes first sends the image; the others find it there.
fn crowd(stand: &Stand<'_>) -> Result<()> {
    stand.bazel.build(&["//cases:crowded_probe"])?;
    stand.proxy.take()?;
    let flags = ["--runs_per_test=8", "--jobs=8", "--local_test_jobs=8"];
    let tested = stand.test("//cases:crowded_probe", &flags)?;
    tested.expect("PASSED", &[])?;
    ensure!(tested.logs.len() == 8, "it ran {} times", tested.logs.len());
    let uploads: Vec<u64> = stand.proxy.take()?.uploads().map(Request::body).collect();
    let large = uploads
        .iter()
        .filter(|size| **size >= CROWDED_LAYER)
        .count();
    // podman reads the layer itself where it can see it.
    let expected = usize::from(!stand.is_podman());
    ensure!(
        large == expected,
        "uploads of {uploads:?} bytes, expected {expected} with the layer"
    );
    for (outcome, expected) in [("loaded", 1), ("unchanged", 7)] {
        let line = format!("{outcome} testing/crowded:latest: ");
        let found = tested.logs.iter().filter(|log| log.contains(&line)).count();
        ensure!(
            found == expected,
            "{found} of 8 say `{line}`, expected {expected}:\n{}",
            tested.logs.join("\n")
        );
    }
    Ok(())
}

/// The first tag, one that is made, and one image under two variables.
fn references(stand: &Stand<'_>) -> Result<()> {
    let variables = ["APP_IMAGE", "SAME_IMAGE", "INDEX_IMAGE", "NAMELESS_IMAGE"];
    let flags = variables.map(|name| format!("--test_arg=tell={name}"));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let tested = stand.test("//cases:references", &flags)?;
    tested.expect("PASSED", &[])?;
    let mut found = Vec::new();
    for name in variables {
        found.push(tested.value(name)?);
    }
    let made = "stevedore.local/cases/nameless:";
    ensure!(
        found[..3]
            == [
                "testing/app:latest",
                "testing/app:latest",
                "testing/index:first"
            ]
            && found[3].starts_with(made),
        "the variables are {found:?}"
    );
    for reference in found {
        stand
            .engine
            .docker(["image", "inspect", "--format={{.Id}}", reference])?;
    }
    Ok(())
}
