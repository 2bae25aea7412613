//! Loads into podman that are disturbed: nothing stays, no name has moved, and the next load succeeds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use stevedore_testing::{Finished, ImageFiles, Interference, Program, Proxy};

use crate::bench::{with_engines, Bench, BINARY};
use crate::podman_way::{by_each_way, layers, Way};

fn corrupt(file: &Path) {
    let mut tar = fs::read(file).unwrap();
    tar[100_000] ^= 1;
    fs::write(file, tar).unwrap();
}

/// Podman has what it had: the older image under the name, `count` images, `layers`, and no temporary file.
#[track_caller]
fn is_as_before(way: &Way<'_>, old: &ImageFiles, count: usize, layers: &[PathBuf]) {
    way.bench.has(old);
    way.bench.is_clean(count);
    assert_eq!(self::layers(way.bench), layers, "{}: layers", way.name);
    assert_eq!(way.directories(), 0, "{}: directories", way.name);
}

#[test]
fn a_layer_whose_bytes_have_changed_is_refused_and_nothing_stays() {
    by_each_way(|way| {
        let tars = |names: [&str; 2]| {
            let layers = names.map(|name| way.bench.tar(&format!("{name} {}", way.name), 200_000));
            way.bench.image(&layers, "A=1")
        };
        let old = tars(["old", "older"]);
        way.succeeds(&old);
        let count = way.bench.api.image_count().unwrap();
        let layers = layers(way.bench);
        let image = tars(["base", "app"]);
        corrupt(&image.tar(1));
        let finished = way.program(&image).run().unwrap();
        let code = if way.uploads { 4 } else { 1 };
        assert_eq!(
            finished.code,
            Some(code),
            "{}: {}",
            way.name,
            finished.stderr
        );
        assert!(finished.stderr.contains("build"), "{}", finished.stderr);
        is_as_before(way, &old, count, &layers);
        corrupt(&image.tar(1));
        way.succeeds(&image);
        for image in [old, image] {
            way.bench.api.remove_image(&image.id.to_string()).unwrap();
        }
    });
}

#[test]
fn layers_that_are_pruned_after_the_probe_are_sent_too() {
    with_engines(
        |name| name == "podman-4",
        |bench| {
            let old = bench.image(&bench.tars(&["base", "lib"]), "A=1");
            assert_eq!(bench.load(&old).code, Some(0));
            let image = bench.image(&bench.tars(&["base", "lib", "app"]), "A=1");
            let (api, id) = (bench.api.clone(), old.id.to_string());
            let prune = Box::new(move || api.remove_image(&id).unwrap());
            let proxy = Proxy::start(&bench.socket, Interference::BeforeUpload(2, prune)).unwrap();
            let finished = bench.load_by(&image, &proxy.host());
            assert_eq!(finished.code, Some(0), "{}", finished.stderr);
            assert_eq!(finished.report["layers"]["sent"], 3);
            let told = "the engine lost layer 1 of 3";
            assert!(finished.stderr.contains(told), "{}", finished.stderr);
            bench.has(&image);
        },
    );
}

/// Sends `signal` when a part of the upload has been passed on.
fn signalled(bench: &Bench, image: &ImageFiles, signal: &str) -> Finished {
    let slow = Interference::Slow(Duration::from_millis(2));
    let proxy = Proxy::start(&bench.socket, slow).unwrap();
    let mut program = Program::load(Path::new(BINARY), image, &proxy.host()).unwrap();
    let child = program.start().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while proxy.passed() < 10_000_000 {
        assert!(Instant::now() < deadline, "no upload");
        std::thread::sleep(Duration::from_millis(2));
    }
    let pid = child.id().to_string();
    let status = Command::new("kill").args([signal, &pid]).status();
    assert!(status.unwrap().success());
    program.finish(child.wait_with_output().unwrap()).unwrap()
}

#[test]
fn ended_in_the_middle_of_an_upload() {
    with_engines(
        |name| name == "podman-4",
        |bench| {
            for (signal, code) in [("-INT", Some(130)), ("-KILL", None)] {
                let old = bench.image(&bench.tars(&["old"]), "A=1");
                assert_eq!(bench.load(&old).code, Some(0));
                let count = bench.api.image_count().unwrap();
                let image = bench.image(&[bench.tar(&format!("base {signal}"), 30_000_000)], "A=2");
                let finished = signalled(bench, &image, signal);
                assert_eq!(finished.code, code, "{}", finished.stderr);
                bench.has(&old);
                bench.is_clean(count);
                assert_eq!(bench.load(&image).code, Some(0));
                bench.has(&image);
                bench.api.remove_image(&old.id.to_string()).unwrap();
            }
        },
    );
}

#[test]
fn a_full_disk() {
    with_engines(
        |name| name.starts_with("podman-") && name.contains("tmpfs"),
        |bench| {
            let old = bench.image(&bench.tars(&["old"]), "A=1");
            assert_eq!(bench.load(&old).code, Some(0));
            let count = bench.api.image_count().unwrap();
            let image = bench.image(&[bench.tar("base", 120_000_000)], "A=2");
            let finished = bench.load(&image);
            assert_eq!(finished.code, Some(1), "{}", finished.stderr);
            let told = "its disk is full";
            assert!(finished.stderr.contains(told), "{}", finished.stderr);
            bench.has(&old);
            bench.is_clean(count);
            let small = bench.image(&bench.tars(&["small"]), "A=3");
            assert_eq!(bench.load(&small).code, Some(0));
            bench.has(&small);
            bench.api.remove_image(&old.id.to_string()).unwrap();
        },
    );
}

/// Podman reads the layers by itself when the signal comes: those below the large one are there then.
#[test]
fn interrupted_while_podman_works() {
    with_engines(
        |name| name == "podman-5",
        |bench| {
            let old = bench.image(&bench.tars(&["old"]), "A=1");
            assert_eq!(bench.load(&old).code, Some(0));
            let count = bench.api.image_count().unwrap();
            let before = layers(bench);
            let small = (0..3).map(|index| bench.tar(&format!("small {index}"), 1000));
            let large = bench.tar("large", 400_000_000);
            let image = bench.image(&small.chain([large]).collect::<Vec<_>>(), "A=2");
            let mut program = Program::load(Path::new(BINARY), &image, &bench.host()).unwrap();
            let child = program.start().unwrap();
            let deadline = Instant::now() + Duration::from_secs(60);
            while layers(bench).len() < before.len() + 3 {
                assert!(Instant::now() < deadline, "no layer has come");
                std::thread::sleep(Duration::from_millis(5));
            }
            let pid = child.id().to_string();
            let status = Command::new("kill").args(["-INT", &pid]).status();
            assert!(status.unwrap().success());
            let finished = program.finish(child.wait_with_output().unwrap()).unwrap();
            assert_eq!(finished.code, Some(130), "{}", finished.stderr);
            bench.has(&old);
            bench.is_clean(count);
            assert_eq!(layers(bench), before, "{}", finished.stderr);
            assert_eq!(bench.load(&image).code, Some(0));
            bench.has(&image);
            bench.api.remove_image(&old.id.to_string()).unwrap();
        },
    );
}
