//! The figures of one engine after the other, each beside what its users have today.

use std::thread;

use anyhow::{ensure, Result};

use super::archive::{self, ArchivedImage};
use super::crowd;
use super::peer::Peer;
use super::products::Products;
use super::subject::{BIG, TOP};
use super::table::{Goal, Table};
use super::target::{seconds, Kind, Target};
use super::ALLOWANCE;
use crate::clock::median;
use crate::command::run;
use crate::delivery_report::DeliveryReport;
use crate::workspace::Workspace;

/// Those that are measured unless others are named.
pub(crate) const ENGINES: [&str; 6] = [
    "docker-20",
    "docker-28",
    "docker-28-containerd",
    "podman-4",
    "podman-5",
    "containerd",
];

/// The name that the loaders give the image.
const IMAGE: &str = "docker.io/bench/image:latest";

/// The name that it has in archives written by hand.
const BY_HAND: &str = "docker.io/bench/by-hand:latest";

/// How many loads run at once.
const PARALLEL: usize = 8;

/// How much longer a load may take in a crowd of images.
const CROWDED: Goal = Goal::AtMost(1.2);

/// One engine, and what is loaded into it.
pub(crate) struct EngineBench<'a> {
    target: Target,
    products: &'a Products,
    image: ArchivedImage,
    runs: usize,
}

impl<'a> EngineBench<'a> {
    /// Starts `engine` with an empty store.
    pub(crate) fn start(
        workspace: &Workspace,
        products: &'a Products,
        engine: &str,
        runs: usize,
    ) -> Result<Self> {
        Ok(Self {
            image: products.image(BY_HAND)?,
            target: Target::start(workspace, engine)?,
            products,
            runs,
        })
    }

    /// Every row about it.
    pub(crate) fn measure(&self, table: &mut Table) -> Result<()> {
        eprintln!("  first load");
        let first = self.first_load(table)?;
        eprintln!("  {PARALLEL} loads at once");
        self.parallel(first, table)?;
        eprintln!("  unchanged");
        let unchanged = self.unchanged(table)?;
        eprintln!("  top layer changed");
        let changed = self.changed(table)?;
        eprintln!("  among {} other images", crowd::SIZE);
        self.crowded(unchanged, changed, table)
    }

    /// How often what takes seconds is run.
    fn slow_runs(&self) -> usize {
        self.runs.div_ceil(3)
    }

    /// Returns the loader's median in seconds.
    fn first_load(&self, table: &mut Table) -> Result<f64> {
        let peers = Peer::of(self.target.kind());
        let (mut own, mut others) = (Vec::new(), vec![Vec::new(); peers.len()]);
        for _ in 0..self.slow_runs() {
            self.target.wipe()?;
            own.push(self.load_image()?);
            for (peer, samples) in peers.iter().zip(&mut others) {
                self.target.wipe()?;
                samples.push(peer.time(&self.target, &self.products.archive)?);
            }
        }
        let own = median(&own);
        table.figure("first load: time", own, "s");
        self.compare("first load", own, peers, &others, table);
        Ok(own)
    }

    /// Leaves the image there.
    fn parallel(&self, one: f64, table: &mut Table) -> Result<()> {
        let mut samples = Vec::new();
        for _ in 0..self.slow_runs() {
            self.target.wipe()?;
            samples.push(seconds(|| self.load_at_once(false).map(drop))?);
        }
        self.target.wipe()?;
        self.target.traffic()?;
        let reports = self.load_at_once(true)?;
        let sent: u64 = reports.iter().map(|report| report.layers.sent).sum();
        let eight = median(&samples);
        table.figure("8 loads at once: time", eight, "s");
        table.goal(
            "8 loads at once: against one",
            Goal::AtMost(1.15),
            eight / one,
            "times",
        );
        table.goal(
            "8 loads at once: layers sent, of 2",
            Goal::AtMost(self.image.layers.len() as f64),
            sent as f64,
            "layers",
        );
        table.goal(
            "8 loads at once: bytes sent, against the image's",
            Goal::AtMost(1.01),
            self.target.traffic()?.sent as f64 / (BIG + TOP) as f64,
            "times",
        );
        Ok(())
    }

    /// Starts the loads and waits for all of them.
    fn load_at_once(&self, watched: bool) -> Result<Vec<DeliveryReport>> {
        let program = &self.products.load_image;
        let files: Vec<_> = (0..PARALLEL)
            .map(|index| self.target.file(&format!("report-{index}.json")))
            .collect();
        thread::scope(|scope| {
            let start = |file| {
                let mut command = match watched {
                    true => self.target.watched_loader(program),
                    false => self.target.loader(program),
                };
                command.env("STEVEDORE_REPORT", file);
                scope.spawn(move || run(&mut command))
            };
            let loads: Vec<_> = files.iter().map(start).collect();
            loads.into_iter().try_for_each(|load| match load.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })?;
        files
            .iter()
            .map(|file| DeliveryReport::read(file))
            .collect()
    }

    /// The image is there. Returns the loader's median in seconds.
    fn unchanged(&self, table: &mut Table) -> Result<f64> {
        let own = self.unchanged_time()?;
        let peers = &Peer::of(self.target.kind())[..1];
        let mut others = vec![Vec::new(); peers.len()];
        for _ in 0..self.slow_runs() {
            for (peer, samples) in peers.iter().zip(&mut others) {
                samples.push(peer.time(&self.target, &self.products.archive)?);
            }
        }
        // That load may have made another image of the name.
        run(&mut self.target.loader(&self.products.load_image))?;
        let traffic = self
            .target
            .counted(&self.products.load_image, "unchanged")?
            .traffic;
        let requests = traffic.requests.len() as f64;
        table.goal(
            "unchanged: requests, with detection",
            Goal::AtMost(4.0),
            requests,
            "requests",
        );
        table.goal(
            "unchanged: bytes sent",
            Goal::AtMost(2048.0),
            traffic.sent as f64,
            "bytes",
        );
        table.goal("unchanged: time", Goal::AtMost(50.0), own * 1000.0, "ms");
        self.compare("unchanged", own, peers, &others, table);
        Ok(own)
    }

    /// Cheap, and so short that a median wants many.
    fn unchanged_time(&self) -> Result<f64> {
        let mut samples = Vec::new();
        for _ in 0..self.runs * 3 {
            samples.push(self.load_image()?);
        }
        Ok(median(&samples))
    }

    /// The lower layer is there, the upper one is not. Returns the loader's median in seconds.
    fn changed(&self, table: &mut Table) -> Result<f64> {
        // Into an empty engine: Docker's containerd store holds what an image unpacks to only for the image that was
        // unpacked, and an image on layers that were there already would lose them with the other.
        self.target.wipe()?;
        run(&mut self.target.loader(&self.products.load_base))?;
        let delta = Delta::write(&self.target, &self.image)?;
        let (mut own, mut by_hand, mut peer_time) = (Vec::new(), Vec::new(), Vec::new());
        let peer = Peer::Load;
        for run in 0..self.runs {
            own.push(self.changed_once()?);
            self.target
                .remove(&handle(&self.target, &self.image, IMAGE))?;
            by_hand.push(delta.time(&self.target)?);
            delta.remove(&self.target)?;
            if run < self.slow_runs() {
                peer_time.push(peer.time(&self.target, &self.products.archive)?);
            }
        }
        self.remove_image()?;
        let counted = self.target.counted(&self.products.load_image, "loaded")?;
        let (own, by_hand) = (median(&own), median(&by_hand));
        table.goal(
            "10 MB changed: bytes sent",
            Goal::AtMost((TOP + ALLOWANCE) as f64),
            counted.traffic.sent as f64,
            "bytes",
        );
        table.figure(
            "10 MB changed: layers sent",
            counted.report.layers.sent as f64,
            "layers",
        );
        table.figure("10 MB changed: time", own * 1000.0, "ms");
        let title = delta.peer.title(self.target.kind());
        table.figure(
            &format!("10 MB changed: {title} of what is missing"),
            by_hand * 1000.0,
            "ms",
        );
        table.goal(
            &format!("10 MB changed: time against {title} of what is missing"),
            Goal::AtMost(1.5),
            own / by_hand,
            "times",
        );
        self.compare("10 MB changed", own, &[peer], &[peer_time], table);
        Ok(own)
    }

    fn remove_image(&self) -> Result<()> {
        let image = handle(&self.target, &self.image, IMAGE);
        self.target.remove_if_there(&image)
    }

    fn changed_once(&self) -> Result<f64> {
        self.remove_image()?;
        self.load_image()
    }

    /// What was measured alone, among many other images.
    fn crowded(&self, unchanged: f64, changed: f64, table: &mut Table) -> Result<()> {
        let file = self.target.file("crowd.tar");
        crowd::load(&self.target, &file)?;
        let rows = [
            ("unchanged", unchanged, self.unchanged_time()?),
            ("10 MB changed", changed, {
                let samples: Result<Vec<_>> = (0..self.runs).map(|_| self.changed_once()).collect();
                median(&samples?)
            }),
        ];
        for (what, alone, crowded) in rows {
            let what = format!("{what}, among {} other images", crowd::SIZE);
            table.figure(&format!("{what}: time"), crowded * 1000.0, "ms");
            table.goal(
                &format!("{what}: against none"),
                CROWDED,
                crowded / alone,
                "times",
            );
        }
        Ok(())
    }

    fn load_image(&self) -> Result<f64> {
        self.target
            .timed(&mut self.target.loader(&self.products.load_image))
    }

    /// Adds the medians of peers, and how many times longer they take.
    fn compare(&self, what: &str, own: f64, peers: &[Peer], times: &[Vec<f64>], table: &mut Table) {
        for (peer, samples) in peers.iter().zip(times) {
            let title = peer.title(self.target.kind());
            let time = median(samples);
            table.figure(&format!("{what}: {title}"), time, "s");
            table.figure(&format!("{what}: {title} against it"), time / own, "times");
        }
    }
}

/// What to remove an image by: in podman, its names depend on the way in which it came.
fn handle(target: &Target, image: &ArchivedImage, name: &str) -> String {
    match target.kind().is_podman() {
        true => image.id().hex(),
        false => name.to_owned(),
    }
}

/// What is missing when the upper layer has changed, put together by hand.
struct Delta {
    peer: Peer,
    path: std::path::PathBuf,
    /// What to remove after it was loaded.
    image: String,
}

impl Delta {
    fn write(target: &Target, image: &ArchivedImage) -> Result<Self> {
        ensure!(
            image.layers.len() == 2,
            "the image has {} layers, expected 2",
            image.layers.len()
        );
        let peer = Peer::by_hand(target.kind());
        let path = target.file("delta");
        let delta = [image.without(|index| index == 0)];
        match target.kind() {
            Kind::Graphdriver => archive::write_docker_archive(&delta, &path)?,
            Kind::PodmanWithFolders => {
                archive::write_oci_folder(std::slice::from_ref(image), &path)?;
            }
            _ => archive::write_oci_archive(&delta, &path)?,
        }
        Ok(Self {
            peer,
            path,
            image: handle(target, image, &image.name),
        })
    }

    fn time(&self, target: &Target) -> Result<f64> {
        self.peer.time(target, &self.path)
    }

    fn remove(&self, target: &Target) -> Result<()> {
        target.remove(&self.image)
    }
}
