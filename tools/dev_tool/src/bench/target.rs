//! One engine whose figures are taken: loaded into, watched, emptied.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{ensure, Context, Result};

use crate::command::{finish, output, run};
use crate::delivery_report::DeliveryReport;
use crate::engine::Running;
use crate::proxy::{Proxy, Traffic};
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// The proxy's socket.
const PROXY: &str = "proxy.sock";

/// What kind of store an engine has, and how it is reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Docker's graph drivers.
    Graphdriver,
    /// Docker with containerd's image store.
    ContainerdStore,
    /// podman before 5.7.
    Podman,
    /// podman that reads a folder of its own machine by itself.
    PodmanWithFolders,
    /// containerd alone.
    Containerd,
}

impl Kind {
    fn of(engine: &str) -> Self {
        match engine {
            "containerd" => Self::Containerd,
            "docker-28-containerd" => Self::ContainerdStore,
            "podman-4" => Self::Podman,
            name if name.starts_with("podman") => Self::PodmanWithFolders,
            _ => Self::Graphdriver,
        }
    }

    /// Whether it is podman.
    pub(crate) fn is_podman(self) -> bool {
        matches!(self, Self::Podman | Self::PodmanWithFolders)
    }
}

/// An engine with a store of its own, and a proxy before it.
pub(crate) struct Target {
    kind: Kind,
    engine: Running,
    proxy: Proxy,
    scratch: Scratch,
}

/// What a load was seen to do, and what it says that it did.
pub(crate) struct Counted {
    /// What the proxy saw.
    pub(crate) traffic: Traffic,
    /// The loader's report.
    pub(crate) report: DeliveryReport,
}

impl Target {
    /// Starts `engine` with an empty store.
    pub(crate) fn start(workspace: &Workspace, engine: &str) -> Result<Self> {
        let running = Running::start(workspace, engine, "bench")?;
        // Tests in Bazel's sandbox have to see the proxy.
        let scratch = Scratch::in_cache(workspace)?;
        let proxy = Proxy::start(&scratch.file(PROXY), &running.socket())?;
        Ok(Self {
            kind: Kind::of(engine),
            engine: running,
            proxy,
            scratch,
        })
    }

    /// What it is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.engine.socket()
    }

    /// The socket of the containerd that Docker starts.
    pub(crate) fn containerd_socket(&self) -> PathBuf {
        self.engine.exec().join("containerd/containerd.sock")
    }

    /// The path of a file that goes away with this value.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.scratch.file(name)
    }

    /// Its address, as `DOCKER_HOST` has it.
    pub(crate) fn host(&self) -> String {
        self.engine.host()
    }

    /// The address of the proxy before it.
    pub(crate) fn watched_host(&self) -> String {
        self.engine.host_at(&self.scratch.file(PROXY))
    }

    /// Its own client: `docker` for Docker and podman, `ctr` for containerd.
    pub(crate) fn client(&self) -> Command {
        self.engine.docker_command()
    }

    /// `program` of its own, such as `podman`, on its store.
    pub(crate) fn program(&self, program: &str) -> Result<Command> {
        let mut command = Command::new(program);
        command.envs(self.engine.variables()?);
        Ok(command)
    }

    /// This project's loader.
    pub(crate) fn loader(&self, program: &Path) -> Command {
        loader(program, &self.host())
    }

    /// This project's loader, with the proxy between it and the engine.
    pub(crate) fn watched_loader(&self, program: &Path) -> Command {
        loader(program, &self.watched_host())
    }

    /// Seconds that `command` takes on a machine that has nothing left to write.
    pub(crate) fn timed(&self, command: &mut Command) -> Result<f64> {
        seconds(|| run(command))
    }

    /// What has passed the proxy since it was last asked.
    pub(crate) fn traffic(&self) -> Result<Traffic> {
        self.proxy.take()
    }

    /// Loads through the proxy.
    pub(crate) fn counted(&self, program: &Path, outcome: &str) -> Result<Counted> {
        self.proxy.take()?;
        let file = self.file("report.json");
        run(self.watched_loader(program).env("STEVEDORE_REPORT", &file))?;
        let report = DeliveryReport::read(&file)?;
        ensure!(
            report.outcome == outcome,
            "`{}` found the image `{}`, expected `{outcome}`",
            program.display(),
            report.outcome
        );
        let traffic = self.proxy.take()?;
        Ok(Counted { traffic, report })
    }

    /// Removes an image that is there.
    pub(crate) fn remove(&self, image: &str) -> Result<()> {
        run(self.removal().arg(image))
    }

    /// Removes an image, if it is there.
    pub(crate) fn remove_if_there(&self, image: &str) -> Result<()> {
        match self.has(image)? {
            true => self.remove(image),
            false => Ok(()),
        }
    }

    fn has(&self, image: &str) -> Result<bool> {
        let mut client = self.client();
        if self.kind == Kind::Containerd {
            let filter = format!("name=={image}");
            let listed = output(client.args(["images", "ls", "--quiet"]).arg(filter))?;
            return Ok(!listed.is_empty());
        }
        // Docker does not list an image by its full name.
        Ok(finish(client.args(["image", "inspect", image]))?
            .status
            .success())
    }

    /// Removes every image, and so every layer.
    pub(crate) fn wipe(&self) -> Result<()> {
        for image in self.images()?.lines() {
            // An image that went with another is no longer there.
            finish(self.removal().arg(image))?;
        }
        let left = self.images()?;
        ensure!(left.is_empty(), "images cannot be removed: {left}");
        Ok(())
    }

    /// The images, one a line.
    fn images(&self) -> Result<String> {
        output(&mut match self.kind {
            Kind::Containerd => {
                let mut command = self.client();
                command.args(["images", "ls", "--quiet"]);
                command
            }
            _ => {
                let mut command = self.client();
                command.args(["image", "ls", "--all", "--quiet"]);
                command
            }
        })
        .context("failed to list the images")
    }

    fn removal(&self) -> Command {
        let mut command = self.client();
        match self.kind {
            Kind::Containerd => command.args(["images", "rm", "--sync"]),
            _ => command.args(["image", "rm", "--force"]),
        };
        command
    }
}

/// Seconds that `work` takes on a machine that has nothing left to write.
pub(crate) fn seconds(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    nix::unistd::sync();
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}

fn loader(program: &Path, host: &str) -> Command {
    let mut command = Command::new(program);
    command.arg("--host").arg(host);
    command
}
