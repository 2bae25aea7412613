//! One image in the archives that engines and other tools write: each is imported, loaded and run, and is the same image.

mod writer;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{ensure, Context, Result};
use serde_json::Value;

use super::client::{client, Client};
use super::report::Report;
use crate::bazel::Bazel;
use crate::command::{output, run};
use crate::engine::Running;
use crate::registry::Registry;
use crate::scratch::Scratch;
use crate::workspace::Workspace;
use writer::WRITERS;

/// The variable that tells `e2e/cases` where the archives are.
const VARIABLE: &str = "STEVEDORE_TEST_ARCHIVES";

/// Who gets the images that were imported.
const ENGINES: [&str; 2] = ["docker-28", "podman-5"];

/// The images, and what a container of each says.
const IMAGES: [(&str, &str); 2] = [
    ("on_base", "an image on a base"),
    ("plain", "a plain image"),
];

/// Archives beside those of [`WRITERS`].
const FURTHER: [&str; 3] = [
    "gzipped",
    "one_of_several_docker-28",
    "one_of_several_podman-5",
];

/// What is built on one of them, and what a container of it says.
const ON_IMPORT: (&str, &str) = ("on_import", "an image on an import");

/// Images in a registry, which the writers take them from.
pub(super) struct Source {
    registry: Registry,
    /// The digest of the first one's config.
    id: String,
}

/// Writes the archives, imports them, and lets engines run them.
pub(crate) fn cases(report: &mut Report, workspace: &Workspace, bazel: &Bazel<'_>) {
    let mut found = None;
    report.case("images are pushed for others to archive", || {
        found = Some((
            Source::fill(workspace, bazel)?,
            Scratch::in_cache(workspace)?,
        ));
        Ok(())
    });
    let Some((source, folder)) = found else {
        report.skip("archives of images", "there are no images");
        return;
    };
    for writer in WRITERS {
        report.case(format!("{} archives an image", writer.name), || {
            writer.write(workspace, &source, folder.path())
        });
    }
    let archives = WRITERS.iter().flat_map(|writer| writer.archives);
    let mut imports: Vec<_> = archives.map(|(name, _)| *name).collect();
    imports.extend(FURTHER);
    let mut imported = false;
    report.case("the archives are imported", || {
        build(bazel, folder.path(), &imports)?;
        imported = true;
        Ok(())
    });
    if !imported {
        report.skip("imports in engines", "not all archives are imported");
        return;
    }
    for engine in ENGINES {
        let started = Running::start(workspace, engine, "e2e");
        let stand = match started {
            Ok(engine_running) => Stand {
                bazel,
                client: client(engine),
                engine: engine_running,
            },
            Err(error) => {
                report.case(engine, || Err(error));
                continue;
            }
        };
        for name in &imports {
            report.case(
                format!("{engine}: the archive of {name} is loaded and run"),
                || stand.runs(name, IMAGES[0].1, Some(&source.id)),
            );
        }
        report.case(
            format!("{engine}: {} is loaded and run", ON_IMPORT.0),
            || stand.runs(ON_IMPORT.0, ON_IMPORT.1, None),
        );
    }
}

impl Source {
    fn fill(workspace: &Workspace, bazel: &Bazel<'_>) -> Result<Self> {
        let registry = Registry::start(workspace, "distribution-2")?;
        for (image, _) in IMAGES {
            let flag = format!("--repository={}/{image}", registry.address());
            run(&mut bazel.run(&format!("//pulled:push_{image}"), &[&flag]))?;
        }
        let mut source = Self {
            registry,
            id: String::new(),
        };
        let manifest =
            output(Command::new("crane").args(["manifest", "--insecure", &source.name()]))?;
        let manifest: Value = serde_json::from_str(&manifest).context("crane shows no JSON")?;
        source.id = manifest["config"]["digest"]
            .as_str()
            .context("the manifest has no config")?
            .to_owned();
        Ok(source)
    }

    /// The name of the first image, which all archives have.
    pub(super) fn name(&self) -> String {
        self.name_of(IMAGES[0].0)
    }

    /// The name of another one, which an archive of several has, too.
    pub(super) fn other_name(&self) -> String {
        self.name_of(IMAGES[1].0)
    }

    fn name_of(&self, image: &str) -> String {
        format!("{}/{image}:latest", self.registry.address())
    }
}

/// Imports all archives; what is loaded later is built here, too.
fn build(bazel: &Bazel<'_>, folder: &Path, imports: &[&str]) -> Result<()> {
    let variable = format!("--repo_env={VARIABLE}={}", folder.display());
    let targets = imports.iter().chain([&ON_IMPORT.0]);
    let targets: Vec<_> = targets
        .map(|name| format!("//archives:load_{name}"))
        .collect();
    let mut arguments = vec![variable.as_str()];
    arguments.extend(targets.iter().map(String::as_str));
    bazel.build(&arguments)
}

/// An engine that is to run what was imported.
struct Stand<'a> {
    bazel: &'a Bazel<'a>,
    client: &'static dyn Client,
    engine: Running,
}

impl Stand<'_> {
    /// Loads an image, runs it, and compares its ID if it is known.
    fn runs(&self, name: &str, says: &str, id: Option<&str>) -> Result<()> {
        let image = format!("localhost/cases/archive:{name}");
        output(Command::new(self.program(name)).env("DOCKER_HOST", self.engine.host()))?;
        let found = self.client.id(&self.engine, &image)?;
        let said = self.client.run(&self.engine, &image, &[])?;
        // So that the next one is sent whole.
        self.client.prune(&self.engine)?;
        ensure!(said.trim() == says, "it says `{said}`, expected `{says}`");
        if let Some(id) = id {
            ensure!(
                found == id,
                "its ID is `{found}`, that of the original `{id}`"
            );
        }
        Ok(())
    }

    fn program(&self, name: &str) -> PathBuf {
        let folder = self.bazel.folder().join("bazel-bin/archives");
        folder.join(format!("load_{name}"))
    }
}
