//! Images that are imported in all forms: the same image comes of each, and of an index the one for the target platform.

use anyhow::ensure;
use serde_json::Value;

use super::report::Report;
use crate::bazel::Bazel;
use crate::command::output;
use crate::engine::Running;

/// What needs no engine.
pub(crate) fn builds(report: &mut Report, bazel: &Bazel<'_>) {
    report.case("//imported:on_index has the base of its platform", || {
        let index = bazel.file("//imported:on_index_for_both", "default")?;
        let index: Value = serde_json::from_slice(&std::fs::read(index)?)?;
        let found: Vec<&Value> = index["manifests"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|image| &image["platform"]["architecture"])
            .collect();
        ensure!(found == ["amd64", "arm64"], "the images are for {found:?}");
        Ok(())
    });
}

/// What an engine makes of the images.
pub(crate) fn cases(report: &mut Report, bazel: &Bazel<'_>, engine: &Running) {
    report.case(
        format!("{}: imports in all forms are one image", engine.name()),
        || {
            output(
                bazel
                    .run("//imported:load_imported", &[])
                    .env("DOCKER_HOST", engine.host()),
            )?;
            let id = |name: &str| {
                let image = format!("cases/imported:{name}");
                engine.docker(["image", "inspect", "--format={{.Id}}", &image])
            };
            let original = id("original")?;
            for name in ["archive", "gzip", "layout-tar", "parts"] {
                let found = id(name)?;
                ensure!(found == original, "{name} is {found}, expected {original}");
            }
            Ok(())
        },
    );
    report.case(
        format!("{}: an image on an index is loaded", engine.name()),
        || {
            output(
                bazel
                    .run("//imported:load_on_index", &[])
                    .env("DOCKER_HOST", engine.host()),
            )?;
            engine.docker(["image", "inspect", "cases/on-index:latest"])?;
            Ok(())
        },
    );
}
