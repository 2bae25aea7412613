//! What libraries that start containers are told by variables.

use std::fs;
use std::path::PathBuf;

use anyhow::{ensure, Context, Result};
use serde_json::json;
use stevedore_image::digest::Digest;

use super::stand::{Stand, Tested};
use crate::e2e::report::Report;

/// A context of the Docker CLI.
const CONTEXT: &str = "of-the-test";

/// The variables, wherever the engine's address comes from.
pub(super) fn cases(report: &mut Report, stand: &Stand<'_>) {
    let mut report = report.of_engine(stand.engine.name());
    report.case("a test is told which engine a context means", || {
        by_context(stand)
    });
    report.case("no reaper is started, unless the test brings one", || {
        reaper(stand)
    });
}

/// Bazel is called in a shell that has no `DOCKER_HOST`.
fn by_context(stand: &Stand<'_>) -> Result<()> {
    let config = context(stand)?;
    let mut command = stand.test_command("//cases:probe", &["--test_arg=tell=DOCKER_HOST"]);
    command
        .env_remove("DOCKER_HOST")
        .env("DOCKER_CONTEXT", CONTEXT)
        .env("DOCKER_CONFIG", config);
    let tested = stand.finished("//cases:probe", command)?;
    tested.expect("PASSED", &[])?;
    is(&tested, "DOCKER_HOST", &stand.proxy.address())
}

/// The folder of a Docker CLI that knows the context.
fn context(stand: &Stand<'_>) -> Result<PathBuf> {
    let config = stand.file("docker");
    let name = Digest::of(CONTEXT.as_bytes());
    let folder = config.join("contexts/meta").join(name.hex());
    fs::create_dir_all(&folder)
        .with_context(|| format!("failed to create `{}`", folder.display()))?;
    let meta = json!({
        "Name": CONTEXT,
        "Metadata": {},
        "Endpoints": {"docker": {"Host": stand.proxy.address(), "SkipTLSVerify": false}},
    });
    let file = folder.join("meta.json");
    fs::write(&file, meta.to_string())
        .with_context(|| format!("failed to write `{}`", file.display()))?;
    Ok(config)
}

fn reaper(stand: &Stand<'_>) -> Result<()> {
    const DISABLED: &str = "TESTCONTAINERS_RYUK_DISABLED";
    const IMAGES: [&str; 2] = [
        "RYUK_CONTAINER_IMAGE",
        "TESTCONTAINERS_RYUK_CONTAINER_IMAGE",
    ];
    let flags = [DISABLED, IMAGES[0], IMAGES[1]].map(|name| format!("--test_arg=tell={name}"));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let without = stand.test("//cases:probe", &flags)?;
    is(&without, DISABLED, "true")?;
    let with = stand.test("//cases:with_reaper", &flags)?;
    is(&with, DISABLED, "not set")?;
    for name in IMAGES {
        is(&without, name, "not set")?;
        is(&with, name, "testing/app:latest")?;
    }
    Ok(())
}

fn is(tested: &Tested, name: &str, expected: &str) -> Result<()> {
    let found = tested.value(name)?;
    ensure!(
        found == expected,
        "`{name}` is `{found}`, expected `{expected}`"
    );
    Ok(())
}
