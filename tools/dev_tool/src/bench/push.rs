//! Pushes: this project's, and those of its peers, of the same image into the same kind of registry.

mod counts;
mod delivery;
mod pusher;
mod repository;
mod subject;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::products::Products;
use super::subject::{BIG, TOP};
use super::table::{Goal, Table};
use super::target::seconds;
use crate::bazel::Bazel;
use crate::clock::{median, peak_memory};
use crate::command::run;
use crate::engine::Running;
use crate::proxy::{Disturbance, Proxy, Traffic};
use crate::registry::Registry;
use crate::scratch::Scratch;
use crate::workspace::Workspace;
use counts::Counts;
use delivery::Delivery;
use pusher::{Image, Pusher, PUSHERS};
use subject::{CROWD, FAR_LAYERS, SHARED_LAYERS};

/// The registry that everything is pushed to. Its data is in memory: it waits for the disk at the end of each upload
/// (<https://github.com/distribution/distribution/blob/v2.8.3/registry/storage/driver/filesystem/driver.go>, `Commit`), for
/// everybody as long.
const REGISTRY: &str = "distribution-2";

/// What a round trip over a distance takes longer.
const ROUND_TRIP: Duration = Duration::from_millis(50);

/// What may be sent beside the changed layer.
const ALLOWANCE: f64 = 16.0 * 1024.0;

/// The pushers' times in seconds.
type Times = BTreeMap<&'static str, Vec<f64>>;

/// Docker with the images, and the images as others take them.
pub(crate) struct PushBench<'a> {
    workspace: &'a Workspace,
    docker: Running,
    image: Image,
    far: Image,
    crowd: Delivery,
    scratch: Scratch,
    runs: usize,
}

impl<'a> PushBench<'a> {
    /// Builds what is pushed, and loads it into a Docker of its own.
    pub(crate) fn start(
        workspace: &'a Workspace,
        bazel: &Bazel<'_>,
        products: &Products,
        runs: u16,
    ) -> Result<Self> {
        subject::write(bazel.folder())?;
        let image = Image {
            program: bazel.executable("//push:push_image")?,
            layout: bazel.file("//:image", "oci_layout")?,
            in_docker: "bench/image:latest",
        };
        let far = Image {
            program: bazel.executable("//push:push_far")?,
            layout: bazel.file("//push:far", "oci_layout")?,
            in_docker: "bench/far:latest",
        };
        let crowd = Delivery::read(&bazel.executable("//push:push_crowd")?)?;
        let docker = Running::start(workspace, "docker-28", "bench")?;
        let load_far = bazel.executable("//push:load_far")?;
        for loader in [&products.load_image, &load_far] {
            run(Command::new(loader).arg("--host").arg(docker.host()))?;
        }
        Ok(Self {
            workspace,
            docker,
            image,
            far,
            crowd,
            scratch: Scratch::new()?,
            runs: usize::from(runs),
        })
    }

    /// Every row.
    pub(crate) fn measure(&self, table: &mut Table) -> Result<()> {
        let registry = self.registry()?;
        for pusher in PUSHERS {
            self.push(pusher, &self.image, &registry.address())?;
        }
        eprintln!("measuring: unchanged");
        self.unchanged(&registry, table)?;
        eprintln!("measuring: top layer changed");
        self.changed(&registry, table)?;
        drop(registry);
        eprintln!("measuring: {CROWD} images");
        self.crowd(table)?;
        eprintln!("measuring: over a distance");
        self.far(table)?;
        eprintln!("measuring: all new");
        self.all_new(table)
    }

    /// How often what takes seconds is run.
    fn slow_runs(&self) -> usize {
        self.runs.div_ceil(3)
    }

    fn registry(&self) -> Result<Registry> {
        // Four pushes of the image, one of them with other blobs than the rest.
        Registry::start_in_memory(self.workspace, REGISTRY, 4 * BIG)
    }

    fn command(&self, pusher: Pusher, image: &Image, address: &str) -> Result<Command> {
        pusher.command(image, &self.docker, address)
    }

    /// Returns the seconds that it takes.
    fn push(&self, pusher: Pusher, image: &Image, address: &str) -> Result<f64> {
        let mut command = self.command(pusher, image, address)?;
        seconds(|| run(&mut command))
    }

    /// One push that is watched.
    fn counted(&self, pusher: Pusher, registry: &Registry) -> Result<Traffic> {
        let proxy = Proxy::before(&registry.address(), Disturbance::None)?;
        self.push(pusher, &self.image, &proxy.address())?;
        proxy.take()
    }

    /// Everything is there.
    fn unchanged(&self, registry: &Registry, table: &mut Table) -> Result<()> {
        let mut times = Times::new();
        // So short that a median wants many.
        for run in 0..self.runs * 3 {
            for pusher in in_turn(run) {
                let time = self.push(pusher, &self.image, &registry.address())?;
                times.entry(pusher.title()).or_default().push(time);
            }
        }
        for pusher in PUSHERS {
            let requests = self.counted(pusher, registry)?.requests.len() as f64;
            let row = format!("unchanged: requests of {}", pusher.title());
            match pusher {
                Pusher::Own => table.goal(&row, Goal::AtMost(3.0), requests, "requests"),
                _ => table.figure(&row, requests, "requests"),
            }
        }
        let own = median(&times[Pusher::Own.title()]) * 1000.0;
        table.goal("unchanged: time", Goal::AtMost(30.0), own, "ms");
        compare("unchanged", &times, Comparison::Faster(3.0), table);
        self.without_layers(registry)?;
        table.goal(
            "unchanged: bytes read of layers, which were not there",
            Goal::AtMost(0.0),
            0.0,
            "bytes",
        );
        let requests = self.with_tokens()? as f64;
        table.goal(
            "unchanged, with a token: requests",
            Goal::AtMost(5.0),
            requests,
            "requests",
        );
        Ok(())
    }

    /// Fails if the push reads a layer.
    fn without_layers(&self, registry: &Registry) -> Result<()> {
        let bare = Image {
            program: Delivery::read(&self.image.program)?
                .without_layers(&self.scratch.file("bare"))?,
            layout: self.image.layout.clone(),
            in_docker: self.image.in_docker,
        };
        self.push(Pusher::Own, &bare, &registry.address())
            .context("the push of what is there wants its layers")
            .map(drop)
    }

    /// The requests to a registry and its token server, both counted from outside.
    fn with_tokens(&self) -> Result<usize> {
        let registry = Registry::start(self.workspace, &format!("{REGISTRY}@token"))?;
        let proxy = Proxy::before(&registry.address(), Disturbance::None)?;
        let (user, password) = registry.login().context("nobody can log in")?;
        let config = serde_json::json!({
            "auths": {proxy.address(): {"username": user, "password": password}},
        });
        let file = self.scratch.file("config.json");
        std::fs::write(file, config.to_string()).context("failed to write a Docker config")?;
        let mut command = self.command(Pusher::Own, &self.far, &proxy.address())?;
        command.env("DOCKER_CONFIG", self.scratch.path());
        run(&mut command)?;
        proxy.take()?;
        let before = registry.token_requests();
        run(&mut command)?;
        Ok(proxy.take()?.requests.len() + registry.token_requests() - before)
    }

    /// The lower layer is there, the upper one is not.
    fn changed(&self, registry: &Registry, table: &mut Table) -> Result<()> {
        let mut times = Times::new();
        let address = registry.address();
        for run in 0..self.runs {
            for pusher in in_turn(run) {
                repository::forget_top(&address, pusher.repository())?;
                let time = self.push(pusher, &self.image, &address)?;
                times.entry(pusher.title()).or_default().push(time);
            }
        }
        for pusher in PUSHERS {
            let top = repository::forget_top(&address, pusher.repository())? as f64;
            let traffic = self.counted(pusher, registry)?;
            let beyond = traffic.sent as f64 - top;
            let title = pusher.title();
            let row = format!("10 MB changed: bytes sent by {title} beyond the layer's blob");
            match pusher {
                Pusher::Own => {
                    table.goal(
                        "10 MB changed: bytes sent",
                        Goal::AtMost(TOP as f64 + ALLOWANCE),
                        traffic.sent as f64,
                        "bytes",
                    );
                    table.goal(&row, Goal::AtMost(ALLOWANCE), beyond, "bytes");
                }
                _ => table.figure(&row, beyond, "bytes"),
            }
            let requests = traffic.requests.len() as f64;
            table.figure(
                &format!("10 MB changed: requests of {title}"),
                requests,
                "requests",
            );
        }
        compare("10 MB changed", &times, Comparison::AtMost(1.0), table);
        Ok(())
    }

    /// Into an empty registry.
    fn all_new(&self, table: &mut Table) -> Result<()> {
        let mut times = Times::new();
        for run in 0..self.slow_runs() {
            for pusher in in_turn(run) {
                let registry = self.registry()?;
                let time = self.push(pusher, &self.image, &registry.address())?;
                times.entry(pusher.title()).or_default().push(time);
            }
        }
        let title = format!("all new, {} MB", (BIG + TOP) / 1_000_000);
        compare(&title, &times, Comparison::AtMost(0.9), table);
        let registry = self.registry()?;
        let command = self.command(Pusher::Own, &self.image, &registry.address())?;
        table.goal(
            "all new: peak memory",
            Goal::AtMost(64.0),
            peak_memory(&command)? as f64 / 1e6,
            "MB",
        );
        Ok(())
    }

    /// Into an empty registry that is far away.
    fn far(&self, table: &mut Table) -> Result<()> {
        let mut times = Times::new();
        for run in 0..self.slow_runs() {
            for pusher in in_turn(run) {
                let registry = self.registry()?;
                let distance = Disturbance::Distance(ROUND_TRIP / 2);
                let proxy = Proxy::before(&registry.address(), distance)?;
                let time = self.push(pusher, &self.far, &proxy.address())?;
                times.entry(pusher.title()).or_default().push(time);
            }
        }
        let title = format!(
            "{FAR_LAYERS} layers, round trips {} ms longer",
            ROUND_TRIP.as_millis()
        );
        compare(&title, &times, Comparison::Faster(2.0), table);
        Ok(())
    }

    /// Many images in one run, which share most of their layers.
    fn crowd(&self, table: &mut Table) -> Result<()> {
        for repositories in [1, CROWD] {
            let registry = self.registry()?;
            let proxy = Proxy::before(&registry.address(), Disturbance::None)?;
            let address = proxy.address();
            let folder = self.scratch.file(&format!("crowd-{repositories}"));
            let program = self.crowd.elsewhere(&folder, |index| {
                let repository = format!("{address}/crowd/{}", index % repositories);
                (repository, index.to_string())
            })?;
            let time = seconds(|| run(&mut Command::new(&program)))?;
            let counts = Counts::of(&proxy.take()?);
            let title =
                format!("{CROWD} images on {SHARED_LAYERS} layers, repositories: {repositories}");
            counts.tell(&title, CROWD * 2 + SHARED_LAYERS, repositories, table);
            table.figure(&format!("{title}: time"), time, "s");
            let again = self.requests_of(&program, &proxy)? as f64;
            table.figure(
                &format!("{title}: requests if unchanged"),
                again,
                "requests",
            );
        }
        Ok(())
    }

    fn requests_of(&self, program: &Path, proxy: &Proxy) -> Result<usize> {
        run(&mut Command::new(program))?;
        Ok(proxy.take()?.requests.len())
    }
}

/// There and back, so that none has always the same one before it: Docker's daemon goes on working for a while.
fn in_turn(run: usize) -> [Pusher; 4] {
    let mut order = PUSHERS;
    if run % 2 == 1 {
        order.reverse();
    }
    order
}

/// What is wanted of this project's time against that of the fastest peer.
enum Comparison {
    /// At most so many times that.
    AtMost(f64),
    /// So many times faster.
    Faster(f64),
}

/// Adds the medians, and the comparison with the fastest peer.
fn compare(what: &str, times: &Times, comparison: Comparison, table: &mut Table) {
    let mut best: Option<(&str, f64)> = None;
    for pusher in PUSHERS {
        let time = median(&times[pusher.title()]);
        let row = format!("{what}: {}", pusher.title());
        table.figure(&row, time * 1000.0, "ms");
        if pusher != Pusher::Own && best.is_none_or(|(_, fastest)| time < fastest) {
            best = Some((pusher.title(), time));
        }
    }
    let Some((peer, fastest)) = best else { return };
    let own = median(&times[Pusher::Own.title()]);
    match comparison {
        Comparison::AtMost(limit) => table.goal(
            &format!("{what}: time against {peer}, the best peer"),
            Goal::AtMost(limit),
            own / fastest,
            "times",
        ),
        Comparison::Faster(limit) => table.goal(
            &format!("{what}: {peer}, the best peer, against it"),
            Goal::AtLeast(limit),
            fastest / own,
            "times",
        ),
    }
}
