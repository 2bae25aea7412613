//! Loads into Docker: this project's, and `docker load` of the same image.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{ensure, Context, Result};

use super::peer::Peer;
use super::products::Products;
use super::subject::TOP;
use super::table::{Goal, Table};
use super::target::{Kind, Target};
use super::ALLOWANCE;
use crate::clock::{median, peak_memory};
use crate::command::run;
use crate::workspace::Workspace;

/// What both tools may have in memory.
const MEMORY: f64 = 64.0;

/// The names that the loaders give.
const IMAGE: &str = "docker.io/bench/image:latest";
const OTHER_CONFIG: &str = "docker.io/bench/other_config:latest";
const ONLY_TOP: &str = "docker.io/bench/only_top:latest";

/// The engine, the loaders and the archives.
pub(crate) struct LoadBench<'a> {
    target: Target,
    products: &'a Products,
    runs: usize,
    compressed_archive: PathBuf,
}

impl<'a> LoadBench<'a> {
    /// Starts an engine with an empty store.
    pub(crate) fn start(
        workspace: &Workspace,
        products: &'a Products,
        engine: &str,
        runs: usize,
    ) -> Result<Self> {
        let compressed_archive = workspace.cache("bench/image.tar.gz");
        compress(&products.archive, &compressed_archive)?;
        let target = Target::start(workspace, engine)?;
        ensure!(
            target.kind() == Kind::Graphdriver,
            "the goals of this benchmark are for a Docker with a graph driver, which `{engine}` is not: use `dev/bench engines`"
        );
        Ok(Self {
            target,
            products,
            runs,
            compressed_archive,
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
            self.target.wipe()?;
            own.push(self.load(&self.products.load_image)?);
            self.target.wipe()?;
            plain.push(self.docker_load(&self.products.archive)?);
            self.target.wipe()?;
            compressed.push(self.docker_load(&self.compressed_archive)?);
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
        self.target.wipe()?;
        let memory = peak_memory(&self.target.loader(&self.products.load_image))?;
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
            own.push(self.load(&self.products.load_image)?);
            peer.push(self.docker_load(&self.products.archive)?);
        }
        let (own, peer) = (median(&own), median(&peer));
        let traffic = self
            .target
            .counted(&self.products.load_image, "unchanged")?
            .traffic;
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
            self.target.remove_if_there(OTHER_CONFIG)?;
            own.push(self.load(&self.products.load_other_config)?);
        }
        self.target.remove_if_there(OTHER_CONFIG)?;
        let counted = self
            .target
            .counted(&self.products.load_other_config, "loaded")?;
        let traffic = counted.traffic;
        self.target.remove_if_there(OTHER_CONFIG)?;
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
            counted.report.layers.sent as f64,
            "layers",
        );
        table.figure("config changed: time", median(&own) * 1000.0, "ms");
        Ok(())
    }

    /// The lower layer is there, the upper one is not.
    fn top_layer(&self, table: &mut Table) -> Result<()> {
        run(&mut self.target.loader(&self.products.load_base))?;
        let (mut own, mut peer, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.runs {
            self.target.remove_if_there(IMAGE)?;
            own.push(self.load(&self.products.load_image)?);
            self.target.remove_if_there(IMAGE)?;
            peer.push(self.docker_load(&self.products.top_archive)?);
            self.target.remove_if_there(ONLY_TOP)?;
            whole.push(self.docker_load(&self.products.archive)?);
        }
        let (own, peer, whole) = (median(&own), median(&peer), median(&whole));
        self.target.remove_if_there(IMAGE)?;
        let traffic = self
            .target
            .counted(&self.products.load_image, "loaded")?
            .traffic;
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

    fn load(&self, program: &Path) -> Result<f64> {
        self.target.timed(&mut self.target.loader(program))
    }

    fn docker_load(&self, archive: &Path) -> Result<f64> {
        Peer::Load.time(&self.target, archive)
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
