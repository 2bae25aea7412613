//! Loads into Docker: this project's, and `docker load` of the same image.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{ensure, Context, Result};

use super::subject::TOP;
use super::table::{Goal, Table};
use crate::bazel::Bazel;
use crate::clock::{median, peak_memory, time};
use crate::command::{finish, run};
use crate::engine::instance::Running;
use crate::load_report::LoadReport;
use crate::proxy::{Proxy, Traffic};
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// What may come on top of a layer in an upload: heads, framing, config, manifest, the tar's own headers.
const ALLOWANCE: u64 = 64 * 1024;

/// What both tools may have in memory.
const MEMORY: f64 = 64.0;

/// The engine, the loaders and the archives.
pub(crate) struct LoadBench {
    engine: Running,
    proxy: Proxy,
    scratch: Scratch,
    runs: usize,
    load_base: PathBuf,
    load_image: PathBuf,
    load_other_config: PathBuf,
    /// The whole image, as `docker load` takes it.
    archive: PathBuf,
    compressed_archive: PathBuf,
    /// An image that has nothing but the upper layer.
    top_archive: PathBuf,
}

impl LoadBench {
    /// Builds what is to be loaded, and starts an engine with an empty store.
    pub(crate) fn start(
        workspace: &Workspace,
        bazel: &Bazel<'_>,
        engine: &str,
        runs: usize,
    ) -> Result<Self> {
        let archive = bazel.file("//:load_image", "docker_archive")?;
        let compressed_archive = workspace.cache("bench/image.tar.gz");
        compress(&archive, &compressed_archive)?;
        let (load_base, load_image, load_other_config) = (
            bazel.executable("//:load_base")?,
            bazel.executable("//:load_image")?,
            bazel.executable("//:load_other_config")?,
        );
        let top_archive = bazel.file("//:load_only_top", "docker_archive")?;
        let engine = Running::start(workspace, engine, "bench")?;
        let scratch = Scratch::new()?;
        let proxy = Proxy::start(&scratch.file("proxy.sock"), &engine.socket())?;
        Ok(Self {
            engine,
            proxy,
            scratch,
            runs,
            load_base,
            load_image,
            load_other_config,
            archive,
            compressed_archive,
            top_archive,
        })
    }

    /// Every row about loading.
    pub(crate) fn measure(&self, table: &mut Table) -> Result<()> {
        eprintln!("measuring: first load");
        self.first_load(table)?;
        eprintln!("measuring: unchanged");
        self.unchanged(table)?;
        eprintln!("measuring: config changed");
        self.config_only(table)?;
        eprintln!("measuring: top layer changed");
        self.top_layer(table)
    }

    fn first_load(&self, table: &mut Table) -> Result<()> {
        let (mut own, mut plain, mut compressed) = (Vec::new(), Vec::new(), Vec::new());
        // Each of these takes several seconds: a third of the runs gives as steady a median.
        for _ in 0..self.runs.div_ceil(3) {
            self.wipe()?;
            own.push(self.timed(&mut self.loader(&self.load_image))?);
            self.wipe()?;
            plain.push(self.timed(&mut self.docker_load(&self.archive))?);
            self.wipe()?;
            compressed.push(self.timed(&mut self.docker_load(&self.compressed_archive))?);
        }
        let (own, plain, compressed) = (median(&own), median(&plain), median(&compressed));
        table.figure("first load: time", own, "s");
        table.figure("first load: docker load of the plain tar", plain, "s");
        table.figure(
            "first load: docker load of the gzipped tar",
            compressed,
            "s",
        );
        table.goal(
            "first load: time against the plain tar",
            Goal::AtMost(1.0),
            own / plain,
            "times",
        );
        table.goal(
            "first load: docker load of the gzipped tar against it",
            Goal::AtLeast(1.5),
            compressed / own,
            "times",
        );
        self.wipe()?;
        let memory = peak_memory(&self.loader(&self.load_image))?;
        table.goal(
            "first load: peak memory",
            Goal::AtMost(MEMORY),
            megabytes(memory),
            "MB",
        );
        Ok(())
    }

    /// The image is there, from the row before.
    fn unchanged(&self, table: &mut Table) -> Result<()> {
        let (mut own, mut peer) = (Vec::new(), Vec::new());
        for _ in 0..self.runs {
            own.push(self.timed(&mut self.loader(&self.load_image))?);
            peer.push(self.timed(&mut self.docker_load(&self.archive))?);
        }
        let (own, peer) = (median(&own), median(&peer));
        let traffic = self.traffic(&self.load_image, "unchanged")?;
        table.goal(
            "unchanged: requests, beyond detecting the engine",
            Goal::AtMost(1.0),
            traffic.beyond_detection() as f64,
            "requests",
        );
        table.goal(
            "unchanged: requests in all",
            Goal::AtMost(3.0),
            traffic.requests.len() as f64,
            "requests",
        );
        table.goal(
            "unchanged: bytes sent",
            Goal::AtMost(1024.0),
            traffic.sent as f64,
            "bytes",
        );
        table.goal(
            "unchanged: time in the tool",
            Goal::AtMost(20.0),
            own * 1000.0,
            "ms",
        );
        table.figure(
            "unchanged: docker load of the same image",
            peer * 1000.0,
            "ms",
        );
        table.goal(
            "unchanged: docker load of the same image against it",
            Goal::AtLeast(300.0),
            peer / own,
            "times",
        );
        Ok(())
    }

    /// The layers are there, the image with this config is not.
    fn config_only(&self, table: &mut Table) -> Result<()> {
        let mut own = Vec::new();
        for _ in 0..self.runs {
            self.remove("bench/other_config:latest")?;
            own.push(self.timed(&mut self.loader(&self.load_other_config))?);
        }
        self.remove("bench/other_config:latest")?;
        let traffic = self.traffic(&self.load_other_config, "loaded")?;
        self.remove("bench/other_config:latest")?;
        table.goal(
            "config changed: requests beyond detection",
            Goal::AtMost(2.0),
            traffic.beyond_detection() as f64,
            "requests",
        );
        table.figure("config changed: bytes sent", traffic.sent as f64, "bytes");
        table.goal(
            "config changed: layers sent",
            Goal::AtMost(0.0),
            self.layers_sent()?,
            "layers",
        );
        table.figure("config changed: time", median(&own) * 1000.0, "ms");
        Ok(())
    }

    /// The lower layer is there, the upper one is not.
    fn top_layer(&self, table: &mut Table) -> Result<()> {
        run(&mut self.loader(&self.load_base))?;
        let (mut own, mut peer, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.runs {
            self.remove("bench/image:latest")?;
            own.push(self.timed(&mut self.loader(&self.load_image))?);
            self.remove("bench/image:latest")?;
            peer.push(self.timed(&mut self.docker_load(&self.top_archive))?);
            self.remove("bench/only_top:latest")?;
            whole.push(self.timed(&mut self.docker_load(&self.archive))?);
        }
        let (own, peer, whole) = (median(&own), median(&peer), median(&whole));
        self.remove("bench/image:latest")?;
        let traffic = self.traffic(&self.load_image, "loaded")?;
        let uploads = traffic
            .uploads()
            .filter(|upload| upload.body() > ALLOWANCE)
            .count();
        table.goal(
            "top layer changed: uploads with layers",
            Goal::AtMost(1.0),
            uploads as f64,
            "uploads",
        );
        table.goal(
            "top layer changed: requests beyond detection",
            Goal::AtMost(3.0),
            traffic.beyond_detection() as f64,
            "requests",
        );
        table.goal(
            "top layer changed: bytes sent beyond the layer's 10 MB",
            Goal::AtMost(ALLOWANCE as f64),
            traffic.sent as f64 - TOP as f64,
            "bytes",
        );
        table.figure("top layer changed: time", own * 1000.0, "ms");
        table.figure(
            "top layer changed: docker load of only that layer",
            peer * 1000.0,
            "ms",
        );
        table.figure(
            "top layer changed: docker load of the whole image",
            whole * 1000.0,
            "ms",
        );
        table.goal(
            "top layer changed: time against docker load of only it",
            Goal::AtMost(1.3),
            own / peer,
            "times",
        );
        Ok(())
    }

    fn loader(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("DOCKER_HOST", self.engine.host());
        command
    }

    fn docker_load(&self, archive: &Path) -> Command {
        let mut command = self.engine.docker_command();
        command.args(["load", "--quiet", "--input"]).arg(archive);
        command
    }

    /// Seconds, of a machine that has nothing left to write.
    fn timed(&self, command: &mut Command) -> Result<f64> {
        nix::unistd::sync();
        Ok(time(command)?.as_secs_f64())
    }

    /// Loads through the counting proxy.
    fn traffic(&self, program: &Path, outcome: &str) -> Result<Traffic> {
        self.proxy.take()?;
        let report = self.report();
        run(Command::new(program)
            .env("DOCKER_HOST", self.proxy.host())
            .env("STEVEDORE_REPORT", &report))?;
        let found = LoadReport::read(&report)?.outcome;
        ensure!(
            found == outcome,
            "`{}` found the image `{found}`, expected `{outcome}`",
            program.display()
        );
        self.proxy.take()
    }

    /// What the last load through the proxy says that it sent.
    fn layers_sent(&self) -> Result<f64> {
        Ok(LoadReport::read(&self.report())?.layers.sent as f64)
    }

    fn report(&self) -> PathBuf {
        self.scratch.file("report.json")
    }

    fn remove(&self, image: &str) -> Result<()> {
        let found = self.engine.docker(["image", "ls", "--quiet", image])?;
        if !found.is_empty() {
            self.engine.docker(["image", "rm", image])?;
        }
        Ok(())
    }

    /// Removes every image, and so every layer.
    fn wipe(&self) -> Result<()> {
        let images = self.engine.docker(["image", "ls", "--all", "--quiet"])?;
        for image in images.lines() {
            // An image that went with another is no longer there.
            finish(
                self.engine
                    .docker_command()
                    .args(["image", "rm", "--force", image]),
            )?;
        }
        let left = self.engine.docker(["image", "ls", "--all", "--quiet"])?;
        ensure!(left.is_empty(), "images cannot be removed: {left}");
        Ok(())
    }
}

/// Compresses `archive`, unless that was done after it was written.
fn compress(archive: &Path, compressed: &Path) -> Result<()> {
    let written = archive.metadata()?.modified()?;
    let done = compressed
        .metadata()
        .and_then(|metadata| metadata.modified());
    if done.is_ok_and(|done| done > written) {
        return Ok(());
    }
    let partial = compressed.with_extension("partial");
    let file = File::create(&partial)
        .with_context(|| format!("failed to create `{}`", partial.display()))?;
    let status = Command::new("gzip")
        .arg("--stdout")
        .arg(archive)
        .stdin(Stdio::null())
        .stdout(file)
        .status()
        .context("failed to run `gzip`")?;
    ensure!(status.success(), "`gzip` failed ({status})");
    std::fs::rename(&partial, compressed)
        .with_context(|| format!("failed to write `{}`", compressed.display()))
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
