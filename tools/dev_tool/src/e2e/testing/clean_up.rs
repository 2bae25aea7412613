//! What is left in an engine of tests, and how it goes.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use serde_json::{json, Value};

use super::stand::Stand;
use crate::command::output;
use crate::e2e::report::Report;

/// Those that every engine must pass; the images are those that the cases before have loaded.
pub(super) fn cases(report: &mut Report, stand: &Stand<'_>) {
    let mut report = report.of_engine(stand.engine.name());
    report.case("what a load brings is told before it", || told(stand));
    report.case(
        "what tests have brought is removed, and nothing else",
        || pruned(stand),
    );
}

/// All of it, but the ID: that is the digest of the config or of the manifest, as the engine has it.
fn told(stand: &Stand<'_>) -> Result<()> {
    let path = stand.bazel.file("//:db_load.json", "default")?;
    let text = fs::read(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
    let facts: Value = serde_json::from_slice(&text)?;
    let printed = output(&mut stand.command("run", &["//:db_load", "--", "--print=json"]))?;
    let printed: Value = serde_json::from_str(&printed)?;
    let engine = |format| {
        let format = format!("--format={format}");
        stand
            .engine
            .docker(["image", "inspect", &format, "testing/db:latest"])
    };
    let (config, manifest) = (&facts["config_digest"], &facts["manifest_digest"]);
    let id = engine("{{.Id}}")?;
    let id = id.trim().trim_start_matches("sha256:");
    let is_id = |digest: &Value| digest.as_str() == Some(&format!("sha256:{id}"));
    ensure!(
        is_id(&printed["image_id"]) && (is_id(config) || is_id(manifest)),
        "the engine's ID is `{id}`, the load prints {printed}"
    );
    let platform = engine("{{.Os}}/{{.Architecture}}")?;
    let told = facts["platform"].as_str().unwrap_or_default();
    ensure!(
        // With the variant, of which the engine tells elsewhere.
        told.starts_with(platform.trim()),
        "the engine's platform is `{platform}`, the file's `{told}`"
    );
    let of_image = |id: &Value| {
        json!({
            "image_id": id, "config_digest": config, "manifest_digest": manifest,
            "references": ["testing/db:latest"], "platform": told,
        })
    };
    for (found, id) in [(&facts, config), (&printed, &printed["image_id"])] {
        let mut expected = of_image(id);
        let mut image = expected.clone();
        image["label"] = json!("//:db");
        expected["images"] = json!([image]);
        expected["label"] = json!("//:db_load");
        ensure!(*found == expected, "it is {found}, expected {expected}");
    }
    Ok(())
}

/// The application's image is a test's, the database's one was loaded by `bazel run` after its tests.
fn pruned(stand: &Stand<'_>) -> Result<()> {
    stand.test("//:it", &[])?.expect("PASSED", &[])?;
    output(&mut stand.command("run", &["//:db_load"]))?;
    // What is from this second stays.
    thread::sleep(Duration::from_secs(2));
    let arguments = ["@rules_stevedore//oci:prune", "--", "--older-than=0s"];
    let removed = output(&mut stand.command("run", &arguments))?;
    ensure!(
        removed.lines().any(|name| name == "testing/app:latest"),
        "what was removed is:\n{removed}"
    );
    let left = stand
        .engine
        .docker(["image", "ls", "--format={{.Repository}}:{{.Tag}}"])?;
    for (name, stays) in [
        ("testing/db:latest", true),
        ("testing/app:latest", false),
        ("stevedore.test/", false),
    ] {
        ensure!(
            left.contains(name) == stays,
            "expected `{name}` to be {}, there is:\n{left}",
            if stays { "there" } else { "gone" }
        );
    }
    Ok(())
}
