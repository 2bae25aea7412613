//! An index that is loaded: the engine gets the image for its platform, or the one that is asked for.

use std::env::consts::ARCH;
use std::process::Command;

use anyhow::{ensure, Context, Result};

use super::client::{client, Client};
use super::report::Report;
use crate::bazel::Bazel;
use crate::command::{finish, output};
use crate::engine::Running;
use crate::workspace::Workspace;

/// Who gets them: those that know an image by its config, and those that know it by its manifest.
const ENGINES: [&str; 3] = ["docker-28", "docker-28-containerd", "podman-5"];

/// The index of `e2e/cases`, and the name that a load gives to its image.
const INDEX: (&str, &str) = ("load_index_split", "localhost/cases/index-split:latest");

/// The images of the bundle, and what a container of each says.
const BUNDLE: [(&str, &str); 3] = [
    ("index", "an image on a base"),
    ("on-base", "an image on a base"),
    ("plain", "a plain image"),
];

/// Where the names of the bundle's images begin.
const REGISTRY: &str = "cases.example";

/// Loads them into every engine.
pub(crate) fn cases(report: &mut Report, workspace: &Workspace, bazel: &Bazel<'_>) {
    report.case("an index and a bundle are built to be loaded", || {
        let label = format!("--embed_label={REGISTRY}");
        bazel.build(&[&label, "//pulled:load_index_split", "//pulled:load_bundle"])
    });
    for name in ENGINES {
        let stand = match Running::start(workspace, name, "e2e") {
            Ok(engine) => Stand {
                bazel,
                client: client(name),
                engine,
            },
            Err(error) => {
                report.case(name, || Err(error));
                continue;
            }
        };
        report.case(
            format!("{name}: of an index it gets the image for it"),
            || stand.own(),
        );
        report.case(
            format!("{name}: of an index it gets what is asked for"),
            || stand.foreign(),
        );
        report.case(
            format!("{name}: an index without the platform is refused"),
            || stand.none(),
        );
        report.case(
            format!("{name}: a bundle is loaded, and its archive too"),
            || stand.bundle(),
        );
    }
}

struct Stand<'a> {
    bazel: &'a Bazel<'a>,
    client: &'static dyn Client,
    engine: Running,
}

impl Stand<'_> {
    /// A load that is built, with arguments.
    fn load(&self, target: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.bazel.folder().join("bazel-bin/pulled").join(target));
        command
            .args(arguments)
            .env("DOCKER_HOST", self.engine.host());
        command
    }

    fn own(&self) -> Result<()> {
        output(&mut self.load(INDEX.0, &[]))?;
        self.says(INDEX.1, "an image on a base")?;
        self.is_for(INDEX.1, architecture()?)
    }

    /// The name moves to the other image, which cannot be run here.
    fn foreign(&self) -> Result<()> {
        output(&mut self.load(INDEX.0, &["--platform=linux/s390x"]))?;
        self.is_for(INDEX.1, "s390x")?;
        self.client.prune(&self.engine)
    }

    fn none(&self) -> Result<()> {
        let result = finish(&mut self.load(INDEX.0, &["--platform=linux/riscv64"]))?;
        let said = String::from_utf8_lossy(&result.stderr);
        ensure!(!result.status.success(), "it was loaded");
        for part in ["`linux/riscv64`", "`linux/s390x`", "//pulled:index_split"] {
            ensure!(
                said.contains(part),
                "`{part}` is not in the message:\n{said}"
            );
        }
        Ok(())
    }

    fn bundle(&self) -> Result<()> {
        output(&mut self.load("load_bundle", &[]))?;
        self.is_complete()?;
        self.client.prune(&self.engine)?;
        if self.client.saved_format() == "docker-archive" {
            let archive = self.archive()?;
            self.client.load(&self.engine, &archive)?;
            self.is_complete()?;
            self.client.prune(&self.engine)?;
        }
        Ok(())
    }

    fn archive(&self) -> Result<std::path::PathBuf> {
        let label = format!("--embed_label={REGISTRY}");
        self.bazel
            .build(&[&label, "--output_groups=docker_archive", "//pulled:bundle"])?;
        Ok(self
            .bazel
            .folder()
            .join("bazel-bin/pulled/bundle.docker.tar"))
    }

    fn is_complete(&self) -> Result<()> {
        BUNDLE.iter().try_for_each(|(name, says)| {
            self.says(&format!("{REGISTRY}/bundle/{name}:latest"), says)
        })
    }

    fn says(&self, image: &str, says: &str) -> Result<()> {
        let said = self.client.run(&self.engine, image, &[])?;
        ensure!(
            said.trim() == says,
            "`{image}` says `{said}`, expected `{says}`"
        );
        Ok(())
    }

    fn is_for(&self, image: &str, architecture: &str) -> Result<()> {
        let found = self.client.architecture(&self.engine, image)?;
        ensure!(
            found == architecture,
            "`{image}` is for `{found}`, expected `{architecture}`"
        );
        Ok(())
    }
}

/// This machine's, as images have it.
fn architecture() -> Result<&'static str> {
    match ARCH {
        "x86_64" => Some("amd64"),
        "aarch64" => Some("arm64"),
        _ => None,
    }
    .with_context(|| format!("no name for the architecture `{ARCH}`"))
}
