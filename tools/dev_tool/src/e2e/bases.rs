//! Images on layouts that other rule sets make, loaded into a real engine.

use anyhow::{ensure, Result};

use super::report::Report;
use crate::bazel::Bazel;
use crate::command::output;
use crate::engine::Running;

/// Loads each image and looks at what the engine then has.
pub(crate) fn cases(report: &mut Report, bazel: &Bazel<'_>, engine: &Running) {
    let mut report = report.of_engine(engine.name());
    for (target, image) in [
        ("//:load_on_linked", "cases/on-linked:latest"),
        ("//:load_on_filegroup", "cases/on-filegroup:latest"),
    ] {
        report.case(format!("{target} is loaded"), || {
            loaded(bazel, engine, target, image)
        });
    }
}

fn loaded(bazel: &Bazel<'_>, engine: &Running, target: &str, image: &str) -> Result<()> {
    output(bazel.run(target, &[]).env("DOCKER_HOST", engine.host()))?;
    let layers = engine.docker(["image", "inspect", "--format={{len .RootFS.Layers}}", image])?;
    ensure!(
        layers.trim() == "2",
        "`{image}` has {} layers, expected 2",
        layers.trim()
    );
    let container = engine.docker(["create", image])?;
    let container = container.trim();
    let lower = engine.docker(["cp", &format!("{container}:/srv/text.txt"), "-"]);
    let upper = engine.docker(["cp", &format!("{container}:/srv/upper.txt"), "-"]);
    engine.docker(["rm", container])?;
    for file in [lower?, upper?] {
        ensure!(
            file.contains("\n9999\n10000\n"),
            "a file came out different"
        );
    }
    Ok(())
}
