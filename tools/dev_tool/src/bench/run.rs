//! Running a command on a base of 1 GiB, and getting the layer: this project's two ways beside those of others.

mod buildah;
mod change;
mod content;
mod layer;
mod own;
mod packages;
mod peer;
mod subject;
mod ways;

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::table::{Goal, Table};
use super::target::Target;
use crate::bazel::Bazel;
use crate::clock::median;
use crate::command::run;
use crate::engine::{search_paths, Packages};
use crate::root_file_system::{own_architecture, tars};
use crate::scratch::Scratch;
use crate::workspace::Workspace;
use buildah::Buildah;
use change::{Change, INSTALL, ONE_FILE};
use own::{Engine, Own};
use peer::{Peer, Place};

/// What the root lacks. buildah and BuildKit's client change nothing on the machine when they are only unpacked.
const PROGRAMS: Packages = Packages {
    suite: "forky",
    names: &["buildah", "docker-buildx"],
};

/// Bytes that come with a layer: heads, frames, the verdict, what the commands say.
const TALK: f64 = super::ALLOWANCE as f64;

/// What is measured, and how often.
pub(crate) struct RunBench<'a> {
    workspace: &'a Workspace,
    own: Own,
    archive: PathBuf,
    load_base: PathBuf,
    packages: PathBuf,
    programs: PathBuf,
    buildah: Buildah,
    runs: usize,
}

/// The times of a change: seconds, the medians of each way.
struct Times {
    daemon: f64,
    sandbox: f64,
    peers: Vec<(Peer, f64)>,
}

impl<'a> RunBench<'a> {
    /// Builds the base and the programs, and gives the base to buildah.
    pub(crate) fn start(workspace: &'a Workspace, runs: usize) -> Result<Self> {
        let packages = packages::folder(workspace)?;
        let programs = workspace.cache("bench/run-programs");
        PROGRAMS.unpack(&programs)?;
        let folder = subject::write(workspace)?;
        let bazel = Bazel::new(workspace, &folder)?;
        eprintln!("building the base of 1 GiB");
        let load_base = bazel.executable("//:load_base")?;
        let archive = bazel.file("//:load_base", "docker_archive")?;
        let own = Own::prepare(workspace, &bazel, &load_base, &packages)?;
        let (folders, _) = search_paths(&programs);
        let program = folders
            .iter()
            .map(|folder| folder.join("buildah"))
            .find(|program| program.exists())
            .with_context(|| format!("`{}` has no `buildah`", programs.display()))?;
        let buildah = Buildah::new(workspace, program)?;
        let mut pull = buildah.command(&["pull", "--quiet"]);
        run(pull.arg(format!("docker-archive:{}", archive.display())))?;
        Ok(Self {
            workspace,
            own,
            archive,
            load_base,
            packages,
            programs,
            buildah,
            runs,
        })
    }

    /// Every row about one engine.
    pub(crate) fn measure(&self, engine: &str, table: &mut Table) -> Result<()> {
        let target = Target::start(self.workspace, engine)?;
        run(&mut target.loader(&self.load_base))?;
        let place = Place {
            target: &target,
            buildah: &self.buildah,
            plugins: self.programs.join("usr/libexec/docker/cli-plugins"),
            archive: self.archive.clone(),
            base: tars(self.workspace, own_architecture())?,
            packages: self.packages.clone(),
            files: Scratch::in_cache(self.workspace)?,
        };
        for change in [&ONE_FILE, &INSTALL] {
            eprintln!("  {}", change.title);
            let times = self.times(&place, change)?;
            times.rows(change, table);
            self.bytes(&place, change, table)?;
        }
        eprintln!("  content");
        content::compare(&place, &self.own, &INSTALL, table)?;
        eprintln!("  ways to the last layer");
        ways::measure(&place, &INSTALL, table)
    }

    /// Every way in turn, so that what else the machine does disturbs all of them.
    fn times(&self, place: &Place<'_>, change: &Change) -> Result<Times> {
        let peers = Peer::of(place.target.kind());
        let runs = match change.is_slow {
            true => self.runs.div_ceil(3),
            false => self.runs,
        };
        let host = place.target.host();
        // Unpacks the base.
        self.own.time(Engine::Sandbox, &host, change)?;
        let (mut daemon, mut sandbox) = (Vec::new(), Vec::new());
        let mut others = vec![Vec::new(); peers.len()];
        for round in 0..runs {
            daemon.push(self.own.time(Engine::Daemon, &host, change)?);
            sandbox.push(self.own.time(Engine::Sandbox, &host, change)?);
            for (peer, samples) in peers.iter().zip(&mut others) {
                // Saving 1 GiB takes a minute on some engines.
                if *peer == Peer::CommitAndSave && round >= runs.div_ceil(3) {
                    continue;
                }
                samples.push(peer.time(place, change)?);
                peer.clear(place)?;
            }
        }
        let medians = others.iter().map(|samples| median(samples));
        Ok(Times {
            daemon: median(&daemon),
            sandbox: median(&sandbox),
            peers: peers.iter().copied().zip(medians).collect(),
        })
    }

    /// What passes between the engine and the tool, against the layer.
    fn bytes(&self, place: &Place<'_>, change: &Change, table: &mut Table) -> Result<()> {
        place.target.traffic()?;
        self.own
            .time(Engine::Daemon, &place.target.watched_host(), change)?;
        let received = place.target.traffic()?.received as f64;
        let layer = self.own.layer();
        let size = layer
            .metadata()
            .with_context(|| format!("failed to read `{}`", layer.display()))?
            .len() as f64;
        let row = |text: &str| format!("{}, {text}", change.title);
        table.figure(&row("the layer"), size, "bytes");
        match size > 10.0 * TALK {
            true => table.goal(
                &row("read from the engine, against the layer"),
                Goal::AtMost(1.1),
                received / size,
                "times",
            ),
            // Of a layer of 4 KB, answers in JSON are a part that says nothing.
            false => table.goal(
                &row("read from the engine"),
                Goal::AtMost(size + TALK),
                received,
                "bytes",
            ),
        }
        Ok(())
    }
}

impl Times {
    fn rows(&self, change: &Change, table: &mut Table) {
        let row = |text: &str| format!("{}, {text}", change.title);
        table.figure(&row("in the engine"), self.daemon, "s");
        table.figure(&row("in the sandbox"), self.sandbox, "s");
        for (peer, seconds) in &self.peers {
            table.figure(&row(peer.title()), *seconds, "s");
        }
        match change.is_slow {
            false => self.overheads(&row, table),
            true => self.ratios(&row, table),
        }
    }

    fn overheads(&self, row: &dyn Fn(&str) -> String, table: &mut Table) {
        let of = |wanted| self.peers.iter().find(|(peer, _)| *peer == wanted);
        if let Some((_, seconds)) = of(Peer::Run) {
            let more = self.daemon - seconds;
            table.goal(
                &row("in the engine, more than docker run"),
                Goal::AtMost(0.5),
                more,
                "s",
            );
        }
        table.goal(
            &row("in the sandbox, in all"),
            Goal::AtMost(0.3),
            self.sandbox,
            "s",
        );
        if let Some((peer, seconds)) = of(Peer::CommitAndSave) {
            for (place, own) in [("engine", self.daemon), ("sandbox", self.sandbox)] {
                let text = format!("{}, against in the {place}", peer.title());
                table.goal(&row(&text), Goal::AtLeast(10.0), seconds / own, "times");
            }
        }
    }

    fn ratios(&self, row: &dyn Fn(&str) -> String, table: &mut Table) {
        for (place, own) in [("engine", self.daemon), ("sandbox", self.sandbox)] {
            for (peer, seconds) in self.peers.iter().filter(|(peer, _)| peer.is_rival()) {
                let text = format!("in the {place}, against {}", peer.title());
                table.goal(&row(&text), Goal::AtMost(1.2), own / seconds, "times");
            }
        }
    }
}
