//! A push that is ended from outside: nothing half pushed is tagged, and the next one goes on.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use stevedore_testing::{PushFiles, RegistryAnswer, RegistryFault, RegistryRule};

use crate::bench::{program, with_registries, Bench, LARGE};

const UPLOADS: &str = "/blobs/uploads/";

/// Starts a slow push, and sends it this signal in the middle of a blob; gives how it ended.
fn interrupt(bench: &Bench, files: &PushFiles, signal: &str) -> stevedore_testing::Finished {
    let slow = RegistryFault::Throttle(LARGE as u64 / 4);
    bench.add(RegistryRule::on("*", UPLOADS, slow));
    bench.proxy.take_requests();
    let mut program = program(files);
    let child = program.start().unwrap();
    wait_for_bytes(bench, &child);
    let process = child.id().to_string();
    let killed = Command::new("kill").args([signal, &process]).status();
    assert!(killed.unwrap().success());
    let finished = program.finish(child.wait_with_output().unwrap()).unwrap();
    bench.proxy.remove_rules();
    finished
}

/// Until a part of a blob is on its way.
fn wait_for_bytes(bench: &Bench, child: &Child) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let begun = || {
        let requests = bench.proxy.requests();
        let sent = requests.iter().map(|request| request.body_bytes).max();
        sent > Some(500_000)
    };
    while !begun() {
        assert!(Instant::now() < deadline, "no upload by {}", child.id());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_interrupted_push_ends_its_uploads_and_tags_nothing() {
    with_registries(|bench| {
        let files = bench.large_image();
        let finished = interrupt(bench, &files, "-INT");
        assert_eq!(finished.code, Some(130), "{}", finished.stderr);
        assert_eq!(finished.report["outcome"], "failed");
        bench.has_no_tags();
        let ended = bench.requests("DELETE", UPLOADS);
        assert!(!ended.is_empty(), "no upload was ended");
        bench.pushes(&files, "pushed");
        bench.has(&files.images[0]);
    });
}

#[test]
fn a_killed_push_tags_nothing_and_is_made_up_for_by_the_next() {
    with_registries(|bench| {
        let files = bench.large_image();
        let finished = interrupt(bench, &files, "-KILL");
        assert_eq!(finished.code, None);
        bench.has_no_tags();
        bench.pushes(&files, "pushed");
        bench.has(&files.images[0]);
    });
}

#[test]
fn a_tag_stays_where_it_was_when_a_push_fails() {
    with_registries(|bench| {
        let before = bench.large_image();
        bench.pushes(&before, "pushed");
        let after = bench.image(&[bench.base_layer("base"), bench.large_layer("changed")]);
        let finished = interrupt(bench, &after, "-TERM");
        assert_eq!(finished.code, Some(143), "{}", finished.stderr);
        bench.has(&before.images[0]);
        bench.pushes(&after, "pushed");
        bench.has(&after.images[0]);
    });
}

#[test]
fn a_push_that_waits_for_a_busy_registry_is_interrupted_at_once() {
    let bench = Bench::with("distribution-2");
    let files = bench.large_image();
    let busy = RegistryAnswer::status(429).header("retry-after", "100");
    bench.add(RegistryRule::on(
        "PUT",
        UPLOADS,
        RegistryFault::Answer(busy),
    ));
    let mut program = program(&files);
    let child = program.start().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while bench
        .proxy
        .requests()
        .iter()
        .all(|request| request.status != 429)
    {
        assert!(Instant::now() < deadline, "nothing was sent");
        std::thread::sleep(Duration::from_millis(10));
    }
    let started = Instant::now();
    let process = child.id().to_string();
    assert!(Command::new("kill")
        .args(["-INT", &process])
        .status()
        .unwrap()
        .success());
    let finished = program.finish(child.wait_with_output().unwrap()).unwrap();
    assert_eq!(finished.code, Some(130), "{}", finished.stderr);
    assert!(started.elapsed() < Duration::from_secs(8));
    assert!(
        !bench.requests("DELETE", UPLOADS).is_empty(),
        "no upload was ended"
    );
    bench.has_no_tags();
}
