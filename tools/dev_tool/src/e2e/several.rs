//! Two images that one target loads into a real engine.

use anyhow::{ensure, Context, Result};

use super::report::Report;
use crate::bazel::Bazel;
use crate::command::output;
use crate::delivery_report::DeliveryReport;
use crate::engine::Running;
use crate::scratch::Scratch;

const TARGET: &str = "//:load_several";
const NAMES: [&str; 3] = [
    "cases/several-one:latest",
    "cases/several-one:unstamped",
    "cases/several-two:latest",
];

/// Loads them, in two ways.
pub(crate) fn cases(report: &mut Report, bazel: &Bazel<'_>, engine: &Running) {
    let mut report = report.of_engine(engine.name());
    report.case(format!("{TARGET} sends a shared layer once"), || {
        // Together they have five layers; three of those differ.
        loaded(bazel, engine, ("loaded", 3))?;
        loaded(bazel, engine, ("unchanged", 0))
    });
    report.case(format!("{TARGET} as a docker archive"), || {
        for image in NAMES {
            engine.docker(["rmi", image])?;
        }
        let archive = bazel.file(TARGET, "docker_archive")?;
        let archive = archive.to_str().context("a path that is not Unicode")?;
        engine.docker(["load", "--input", archive])?;
        loaded(bazel, engine, ("unchanged", 0))
    });
}

fn loaded(bazel: &Bazel<'_>, engine: &Running, expected: (&str, u64)) -> Result<()> {
    let scratch = Scratch::new()?;
    let path = scratch.file("report.json");
    let flag = format!("--report={}", path.display());
    let printed = output(
        bazel
            .run(TARGET, &[&flag])
            .env("DOCKER_HOST", engine.host()),
    )?;
    ensure!(
        printed.lines().eq(NAMES),
        "it printed `{printed}`, expected {NAMES:?}"
    );
    let report = DeliveryReport::read(&path)?;
    ensure!(
        (report.outcome.as_str(), report.layers.sent) == expected && report.layers.total == 5,
        "{report:?}, expected {expected:?} of 5 layers"
    );
    for (image, layers) in NAMES.into_iter().zip(["2", "2", "3"]) {
        let found =
            engine.docker(["image", "inspect", "--format={{len .RootFS.Layers}}", image])?;
        ensure!(
            found.trim() == layers,
            "`{image}` has {} layers, expected {layers}",
            found.trim()
        );
    }
    Ok(())
}
