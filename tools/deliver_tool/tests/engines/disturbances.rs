//! Loads that are disturbed: the engine is as it was before, and the next load succeeds.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use stevedore_testing::{Finished, Interference, Program, Proxy};

use crate::bench::{with_engines, with_graphdrivers, Bench, BINARY};

#[test]
fn layers_that_are_pruned_after_the_probe_are_sent_too() {
    with_graphdrivers(|bench| {
        let old = bench.image(&bench.tars(&["base", "lib"]), "A=1");
        bench.loads(&old, "loaded", bench.first_load(), [2, 0, 2]);
        let image = bench.image(&bench.tars(&["base", "lib", "app"]), "A=1");
        let (api, id) = (bench.api.clone(), old.id.to_string());
        let prune = Box::new(move || api.remove_image(&id).unwrap());
        // The first upload is the probe.
        let proxy = Proxy::start(&bench.socket, Interference::BeforeUpload(2, prune)).unwrap();
        let finished = bench.load_by(&image, &proxy.host());
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert_eq!(
            finished.report["layers"],
            json!({"total": 3, "present": 0, "sent": 3})
        );
        assert!(
            finished.stderr.contains("the engine lost layer 1 of 3"),
            "{}",
            finished.stderr
        );
        bench.has(&image);
    });
}

/// Loads an older image, then a new one by a proxy, which `disturb` disturbs: that must change nothing, and the next
/// load must succeed.
fn disturbed(
    bench: &Bench,
    interference: Interference,
    disturb: impl Fn(&mut Program, &Proxy) -> Finished,
) -> Finished {
    let old = bench.image(&bench.tars(&["old"]), "A=1");
    bench.loads(&old, "loaded", bench.first_load(), [1, 0, 1]);
    let count = bench.api.image_count().unwrap();
    let image = bench.image(
        &[bench.tar("base", 20_000_000), bench.tar("app", 20_000_000)],
        "A=2",
    );
    let proxy = Proxy::start(&bench.socket, interference).unwrap();
    let mut program = Program::load(Path::new(BINARY), &image, &proxy.host()).unwrap();
    let finished = disturb(&mut program, &proxy);
    assert_ne!(finished.code, Some(0), "{}", finished.stderr);
    bench.has(&old);
    bench.is_clean(count);
    bench.loads(&image, "loaded", 4, [2, 0, 2]);
    bench.api.remove_image(&old.id.to_string()).unwrap();
    finished
}

/// Sends `signal` when a part of the upload has been passed on.
pub(crate) fn signal_in_the_middle(program: &mut Program, proxy: &Proxy, signal: &str) -> Finished {
    let child = program.start().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while proxy.passed() < 10_000_000 {
        assert!(Instant::now() < deadline, "no upload");
        std::thread::sleep(Duration::from_millis(2));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill")
        .args([signal, &pid])
        .status()
        .unwrap()
        .success());
    program.finish(child.wait_with_output().unwrap()).unwrap()
}

pub(crate) const SLOW: Interference = Interference::Slow(Duration::from_millis(2));

#[test]
fn killed_in_the_middle_of_an_upload() {
    with_graphdrivers(|bench| {
        let finished = disturbed(bench, SLOW, |program, proxy| {
            signal_in_the_middle(program, proxy, "-KILL")
        });
        assert_eq!(finished.code, None);
    });
}

#[test]
fn interrupted_in_the_middle_of_an_upload() {
    with_graphdrivers(|bench| {
        let finished = disturbed(bench, SLOW, |program, proxy| {
            signal_in_the_middle(program, proxy, "-INT")
        });
        assert_eq!(finished.code, Some(130), "{}", finished.stderr);
        assert_eq!(finished.report["outcome"], "failed");
    });
}

#[test]
fn a_connection_that_breaks_in_the_middle_of_an_upload() {
    with_graphdrivers(|bench| {
        let finished = disturbed(bench, Interference::CutAfter(10_000_000), |program, _| {
            let output = program.command().output().unwrap();
            program.finish(output).unwrap()
        });
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        assert!(
            finished.stderr.contains("the connection to"),
            "{}",
            finished.stderr
        );
    });
}

#[test]
fn a_layer_whose_bytes_have_changed_is_refused_by_the_engine() {
    with_graphdrivers(|bench| {
        let old = bench.image(&bench.tars(&["old"]), "A=1");
        bench.loads(&old, "loaded", bench.first_load(), [1, 0, 1]);
        let count = bench.api.image_count().unwrap();
        let image = bench.image(&bench.tars(&["base", "app"]), "A=2");
        let mut tar = std::fs::read(image.tar(1)).unwrap();
        tar[100_000] ^= 1;
        std::fs::write(image.tar(1), tar).unwrap();
        let finished = bench.load(&image);
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        assert!(
            finished
                .stderr
                .contains("a layer's file has changed since it was built"),
            "{}",
            finished.stderr
        );
        bench.has(&old);
        bench.is_clean(count);
    });
}

#[test]
fn a_full_disk() {
    with_engines(
        |name| name.starts_with("docker-28@tmpfs"),
        |bench| {
            let old = bench.image(&bench.tars(&["old"]), "A=1");
            bench.loads(&old, "loaded", bench.first_load(), [1, 0, 1]);
            let count = bench.api.image_count().unwrap();
            let image = bench.image(&[bench.tar("base", 120_000_000)], "A=2");
            let finished = bench.load(&image);
            assert_eq!(finished.code, Some(1), "{}", finished.stderr);
            assert!(
                finished.stderr.contains("its disk is full"),
                "{}",
                finished.stderr
            );
            bench.has(&old);
            bench.is_clean(count);
            bench.loads(
                &bench.image(&bench.tars(&["small"]), "A=3"),
                "loaded",
                4,
                [1, 0, 1],
            );
            bench.api.remove_image(&old.id.to_string()).unwrap();
        },
    );
}
