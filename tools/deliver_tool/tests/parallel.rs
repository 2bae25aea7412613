//! Many loads at once into a fake Docker: who sends, who waits, and what happens to those who wait.
#![allow(clippy::unwrap_used)]

mod case;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use stevedore_testing::{
    layer_tar, FakeDocker, Fault, Finished, ImageFiles, LayerFile, Personality, Program,
};

use case::BINARY;

const LAYER: usize = 2_000_000;

/// A fake engine that reads slowly, and places for images and for locks.
struct Bench {
    docker: FakeDocker,
    directory: tempfile::TempDir,
    locks: PathBuf,
}

/// A load that is under way.
struct Running {
    program: Program,
    child: Child,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let locks = directory.path().join("locks");
        std::fs::create_dir(&locks).unwrap();
        let docker = FakeDocker::start(Personality::DOCKER_28).unwrap();
        docker.inject(Fault::SlowReading {
            pause: Duration::from_millis(250),
        });
        Self {
            docker,
            directory,
            locks,
        }
    }

    /// The files of an image with one layer, for the process that is called `process`.
    fn image(&self, process: &str, layer: &str) -> ImageFiles {
        let directory = self.directory.path().join(process);
        let layers = [LayerFile::Tar(layer_tar(layer, LAYER).unwrap())];
        ImageFiles::write(&directory, &layers, "A=1", &["app:dev"]).unwrap()
    }

    fn program(&self, image: &ImageFiles, locks: &Path) -> Program {
        let mut program = Program::load(Path::new(BINARY), image, &self.docker.host()).unwrap();
        program
            .command()
            .env("STEVEDORE_LOCK_DIR", locks)
            .arg("--verbose");
        program
    }

    fn start(&self, process: &str, layer: &str) -> Running {
        self.start_in(process, layer, &self.locks)
    }

    fn start_in(&self, process: &str, layer: &str, locks: &Path) -> Running {
        self.start_image(&self.image(process, layer), locks)
    }

    fn start_image(&self, image: &ImageFiles, locks: &Path) -> Running {
        let mut program = self.program(image, locks);
        let child = program.start().unwrap();
        Running { program, child }
    }

    /// Starts a load and waits until it sends the layer.
    fn start_sending(&self, process: &str, layer: &str) -> Running {
        let running = self.start(process, layer);
        let deadline = Instant::now() + Duration::from_secs(10);
        // The probe has been answered, then.
        while !self.requests_so_far("/images/load") {
            assert!(Instant::now() < deadline, "no upload");
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(200));
        running
    }

    fn requests_so_far(&self, path: &str) -> bool {
        let requests = self.docker.take_requests();
        requests.iter().any(|request| request.path.contains(path))
    }

    fn locked(&self) -> usize {
        std::fs::read_dir(&self.locks).unwrap().count()
    }
}

impl Running {
    fn finish(self) -> Finished {
        let output = self.child.wait_with_output().unwrap();
        self.program.finish(output).unwrap()
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
    }

    fn kill(mut self) -> Output {
        self.child.kill().unwrap();
        self.child.wait_with_output().unwrap()
    }
}

#[track_caller]
fn succeeded(finished: &Finished) {
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}

/// How many layers these loads have sent.
fn sent<'a>(all: impl IntoIterator<Item = &'a Finished>) -> u64 {
    all.into_iter()
        .map(|finished| finished.report["layers"]["sent"].as_u64().unwrap())
        .sum()
}

#[test]
fn eight_loads_of_one_image_cause_one_upload() {
    let bench = Bench::new();
    let images: Vec<_> = (0..8)
        .map(|number| bench.image(&number.to_string(), "a"))
        .collect();
    let running: Vec<_> = images
        .iter()
        .map(|image| bench.start_image(image, &bench.locks))
        .collect();
    let all: Vec<_> = running.into_iter().map(Running::finish).collect();
    all.iter().for_each(succeeded);
    assert_eq!(sent(&all), 1);
    let uploads = bench.docker.take_requests();
    let uploads = uploads.iter().filter(|request| request.body_bytes > LAYER);
    assert_eq!(uploads.count(), 1);
    let waited = all
        .iter()
        .filter(|finished| finished.stderr.contains("waiting for process "));
    assert_eq!(waited.count(), 7, "{all:?}");
    assert_eq!(
        all.iter()
            .filter(|finished| finished.report["outcome"] == "unchanged")
            .count(),
        7
    );
    assert_eq!(bench.locked(), 0);
}

#[test]
fn a_killed_holder_is_followed_by_one_of_those_who_wait() {
    let bench = Bench::new();
    let holder = bench.start_sending("holder", "a");
    let waiting = [bench.start("one", "a"), bench.start("two", "a")];
    std::thread::sleep(Duration::from_millis(300));
    holder.kill();
    let all = waiting.map(Running::finish);
    all.iter().for_each(succeeded);
    assert_eq!(sent(&all), 1);
    assert_eq!(bench.locked(), 0);
}

#[test]
fn a_stopped_holder_is_not_waited_for() {
    let bench = Bench::new();
    let holder = bench.start_sending("holder", "a");
    holder.signal("-STOP");
    let started = Instant::now();
    let other = bench.start("other", "a").finish();
    succeeded(&other);
    assert!(
        started.elapsed() >= Duration::from_secs(10),
        "it did not wait"
    );
    assert!(
        other.stderr.contains("no sign of life for 10 s"),
        "{}",
        other.stderr
    );
    holder.signal("-CONT");
    let holder = holder.finish();
    succeeded(&holder);
    assert_eq!(sent([&holder, &other]), 2);
    assert_eq!(bench.locked(), 0);
}

#[test]
fn another_image_is_not_waited_for() {
    let bench = Bench::new();
    let holder = bench.start_sending("holder", "a");
    holder.signal("-STOP");
    let started = Instant::now();
    succeeded(&bench.start("other", "b").finish());
    assert!(started.elapsed() < Duration::from_secs(8), "it waited");
    holder.signal("-CONT");
    succeeded(&holder.finish());
}

#[test]
fn loads_without_a_place_for_a_lock_are_right_too() {
    for place in ["/nonexistent", "/proc", "/dev/null"] {
        let bench = Bench::new();
        bench.docker.inject(Fault::SlowReading {
            pause: Duration::from_millis(20),
        });
        let place = Path::new(place);
        let running = ["one", "two"].map(|process| bench.start_in(process, "a", place));
        let all = running.map(Running::finish);
        all.iter().for_each(succeeded);
        for finished in &all {
            let told = "note: loading without a lock: `";
            assert!(finished.stderr.contains(told), "{}", finished.stderr);
        }
        let id = bench.image("image", "a").id;
        assert_eq!(bench.docker.store().name("app:dev"), Some(id));
    }
}

#[test]
fn an_unchanged_image_needs_no_lock() {
    let bench = Bench::new();
    succeeded(&bench.start("first", "a").finish());
    let again = bench.start_in("again", "a", Path::new("/nonexistent"));
    let again = again.finish();
    assert_eq!(again.report["outcome"], "unchanged");
    assert!(!again.stderr.contains("lock"), "{}", again.stderr);
}

#[test]
fn who_waits_can_be_interrupted() {
    let bench = Bench::new();
    let holder = bench.start_sending("holder", "a");
    let waiting = bench.start("waiting", "a");
    std::thread::sleep(Duration::from_millis(500));
    waiting.signal("-INT");
    let sent = Instant::now();
    let waiting = waiting.finish();
    assert!(sent.elapsed() < Duration::from_secs(1), "it took its time");
    assert_eq!(waiting.code, Some(130), "{}", waiting.stderr);
    succeeded(&holder.finish());
}

#[test]
fn the_usual_place_is_found_without_being_told() {
    let bench = Bench::new();
    let images = ["one", "two", "three"].map(|process| bench.image(process, "a"));
    let running = images.map(|image| bench.start_image(&image, Path::new("")));
    let all = running.map(Running::finish);
    all.iter().for_each(succeeded);
    assert_eq!(sent(&all), 1);
}
