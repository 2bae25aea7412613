//! Other ways to run a command on a base.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::buildah::Buildah;
use super::change::Change;
use super::layer::extract_last;
use super::subject::BASE;
use crate::bench::subject::write_file;
use crate::bench::target::{seconds, Kind, Target};
use crate::command::{finish, output, run};
use crate::scratch::Scratch;

/// What comes out is called.
const OUT: &str = "localhost/bench/out:latest";

/// The container that is made.
const CONTAINER: &str = "bench-out";

/// A way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Peer {
    /// `docker run --rm`: the command alone, of which nothing stays.
    Run,
    /// `docker build` with the builder that Docker began with.
    ClassicBuild,
    /// `docker build` with BuildKit.
    BuildKit,
    /// `buildah build`.
    BuildahBuild,
    /// `buildah from`, `run`, `commit`.
    BuildahSteps,
    /// Load the base, run, commit, save the image, take the last layer out: rules_docker's `container_run_and_commit_layer`.
    CommitAndSave,
}

/// Where they work.
pub(super) struct Place<'a> {
    /// The engine, which has the base.
    pub(super) target: &'a Target,
    /// buildah, which has the base too.
    pub(super) buildah: &'a Buildah,
    /// The folder that has `docker-buildx`.
    pub(super) plugins: PathBuf,
    /// The base, as `docker load` takes it.
    pub(super) archive: PathBuf,
    /// The tars of what the base has below the 1 GiB.
    pub(super) base: [PathBuf; 2],
    /// The folder of packages.
    pub(super) packages: PathBuf,
    /// Dockerfiles, and the client's settings.
    pub(super) files: Scratch,
}

impl Peer {
    /// Those that an engine has.
    pub(super) fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Graphdriver | Kind::ContainerdStore => &[
                Self::Run,
                Self::ClassicBuild,
                Self::BuildKit,
                Self::BuildahBuild,
                Self::BuildahSteps,
                Self::CommitAndSave,
            ],
            _ => &[
                Self::Run,
                Self::BuildahBuild,
                Self::BuildahSteps,
                Self::CommitAndSave,
            ],
        }
    }

    /// What it is called in a table.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Run => "docker run",
            Self::ClassicBuild => "docker build, classic",
            Self::BuildKit => "docker build, BuildKit",
            Self::BuildahBuild => "buildah build",
            Self::BuildahSteps => "buildah from, run, commit",
            Self::CommitAndSave => "load, commit, save, extract",
        }
    }

    /// Whether it makes the same as a RUN does, as fast as it can.
    pub(super) fn is_rival(self) -> bool {
        !matches!(self, Self::Run | Self::CommitAndSave)
    }

    /// Whether its image is in buildah's store.
    fn is_buildah(self) -> bool {
        matches!(self, Self::BuildahBuild | Self::BuildahSteps)
    }

    /// Seconds that it takes. The image that it makes stays, until [`Peer::clear`].
    pub(super) fn time(self, place: &Place<'_>, change: &Change) -> Result<f64> {
        place.write_dockerfiles(change)?;
        seconds(|| match self {
            Self::Run => {
                run(place
                    .docker(change, &["--rm"])
                    .args(["sh", "-e", "-c", change.shell]))
            }
            Self::ClassicBuild => run(&mut place.classic_build()),
            Self::BuildKit => run(&mut place.build_kit()),
            Self::BuildahBuild => run(&mut place.buildah_build()),
            Self::BuildahSteps => place.buildah_steps(change),
            Self::CommitAndSave => place.commit_and_save(change).map(drop),
        })
    }

    /// The archive of the image that it has made, as `docker save` writes it.
    pub(super) fn save(self, place: &Place<'_>) -> Result<PathBuf> {
        let file = place.files.file("saved.tar");
        match self.is_buildah() {
            true => {
                let destination = format!("docker-archive:{}:{OUT}", file.display());
                // It adds to an archive that is there.
                finish(Command::new("rm").arg("--force").arg(&file))?;
                run(place
                    .buildah
                    .command(&["push", "--quiet", OUT])
                    .arg(destination))?;
            }
            false => run(place
                .target
                .client()
                .args(["save", OUT, "--output"])
                .arg(&file))?,
        }
        Ok(file)
    }

    /// Removes what it has made.
    pub(super) fn clear(self, place: &Place<'_>) -> Result<()> {
        match self {
            Self::Run => Ok(()),
            _ if self.is_buildah() => place.buildah.remove(OUT),
            _ => {
                finish(place.target.client().args(["rm", "--force", CONTAINER]))?;
                place.target.remove(OUT)
            }
        }
    }
}

impl Place<'_> {
    fn write_dockerfiles(&self, change: &Change) -> Result<()> {
        for (name, can_mount) in [("Dockerfile.copy", false), ("Dockerfile.mount", true)] {
            write_file(&self.files.file(name), &change.dockerfile(BASE, can_mount))?;
        }
        let settings = serde_json::json!({"cliPluginsExtraDirs": [self.plugins]});
        write_file(&self.files.file("config.json"), &settings.to_string())
    }

    /// The folder that a Dockerfile is built in.
    fn context(&self) -> Result<&std::path::Path> {
        self.packages
            .parent()
            .context("the packages have no folder")
    }

    /// `docker run`, up to the command.
    pub(super) fn docker(&self, change: &Change, flags: &[&str]) -> Command {
        let mut command = self.target.client();
        command
            .args(["run", "--network=none"])
            .args(flags)
            .args(change.volume(&self.packages))
            .arg(BASE);
        command
    }

    fn classic_build(&self) -> Command {
        let mut command = self.target.client();
        command
            .args([
                "build",
                "--network=none",
                "--no-cache",
                "--quiet",
                "--tag",
                OUT,
            ])
            .arg("--file")
            .arg(self.files.file("Dockerfile.copy"))
            .args(self.context())
            .env("DOCKER_BUILDKIT", "0");
        command
    }

    fn build_kit(&self) -> Command {
        let mut command = self.target.client();
        command
            .args([
                "buildx",
                "build",
                "--network=none",
                "--no-cache",
                "--load",
                "--tag",
                OUT,
            ])
            .args(["--progress=plain", "--provenance=false", "--file"])
            .arg(self.files.file("Dockerfile.mount"))
            .args(self.context())
            .env("DOCKER_CONFIG", self.files.path());
        command
    }

    fn buildah_build(&self) -> Command {
        let mut command = self
            .buildah
            .command(&["build", "--network=none", "--no-cache"]);
        command
            .args([
                "--layers=false",
                "--quiet",
                "--pull=never",
                "--tag",
                OUT,
                "--file",
            ])
            .arg(self.files.file("Dockerfile.mount"))
            .args(self.context());
        command
    }

    fn buildah_steps(&self, change: &Change) -> Result<()> {
        let mut from = self.buildah.command(&["from", "--pull=never", "--quiet"]);
        let container = output(from.arg(BASE))?;
        let container = container.trim();
        let mut inside = self.buildah.command(&["run", "--network=none"]);
        inside.args(change.volume(&self.packages)).args([
            container,
            "--",
            "sh",
            "-e",
            "-c",
            change.shell,
        ]);
        run(&mut inside)?;
        run(&mut self
            .buildah
            .command(&["commit", "--quiet", "--rm", container, OUT]))
    }

    /// rules_docker's steps, but for its errors (`docker/util/commit_layer.sh.tpl` of rules_docker 0.25). Returns the layer's file.
    fn commit_and_save(&self, change: &Change) -> Result<PathBuf> {
        let mut load = self.target.client();
        run(load.args(["load", "--quiet", "--input"]).arg(&self.archive))?;
        let mut start = self.docker(change, &["--name", CONTAINER]);
        run(start.args(["sh", "-e", "-c", change.shell]))?;
        run(self.target.client().args(["commit", CONTAINER, OUT]))?;
        let layer = self.files.file("layer.tar");
        extract_last(&Peer::CommitAndSave.save(self)?, &layer)?;
        run(self.target.client().args(["rm", CONTAINER]))?;
        Ok(layer)
    }
}
