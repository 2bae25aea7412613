//! What passes: an overloaded registry, a broken connection, a token that ends.

use std::time::{Duration, Instant};

use stevedore_testing::{Program, PushFiles, RegistryAnswer, RegistryFault, RegistryRule};

use crate::bench::{program, with_registries, Bench, LARGE};

const UPLOADS: &str = "/blobs/uploads/";

fn answer(status: u16) -> RegistryFault {
    RegistryFault::Answer(RegistryAnswer::status(status))
}

/// What the path of the request has that sends the first layer at once.
fn layer(files: &PushFiles) -> String {
    format!("digest={}", files.images[0].blobs[0].digest)
}

/// The registry fails so once, at each kind of request in turn; the push goes on and is complete.
#[track_caller]
fn passes(fault: &RegistryFault, message: &str) {
    with_registries(|bench| {
        for (method, path) in [
            ("HEAD", "/manifests/"),
            ("HEAD", "/blobs/"),
            ("POST", UPLOADS),
            ("PUT", UPLOADS),
            ("PUT", "/manifests/"),
        ] {
            let files = bench.image(&[bench.layer(&format!("{method}{path}").replace('/', "-"))]);
            bench.add(RegistryRule::on(method, path, fault.clone()).nth(1));
            let finished = bench.pushes(&files, "pushed");
            let retried = finished.stderr.contains(message);
            assert!(
                retried,
                "{method} {path}: no `{message}` in {}",
                finished.stderr
            );
            bench.proxy.remove_rules();
            bench.has(&files.images[0]);
        }
    });
}

#[test]
fn an_error_of_the_server_is_tried_again() {
    passes(&answer(500), "status 500");
    passes(&answer(503), "status 503");
    passes(&answer(408), "status 408");
}

#[test]
fn a_connection_that_is_reset_is_made_again() {
    passes(&RegistryFault::CutAfter(0), "connection");
}

#[test]
fn a_lost_answer_does_no_harm() {
    passes(&RegistryFault::LoseAnswer, "connection");
}

#[test]
fn a_page_of_a_gateway_is_no_reason_to_give_up() {
    let page = RegistryAnswer::status(502).body("text/html", "<html>Bad Gateway</html>");
    passes(&RegistryFault::Answer(page), "status 502");
}

#[test]
fn an_overloaded_registry_says_when_to_come_back() {
    with_registries(|bench| {
        let files = bench.small_image();
        let busy = RegistryAnswer::status(429).header("retry-after", "2");
        let fault = RegistryFault::Answer(busy);
        bench.add(RegistryRule::on("POST", UPLOADS, fault).nth(1));
        let started = Instant::now();
        let finished = bench.pushes(&files, "pushed");
        assert!(started.elapsed() >= Duration::from_secs(2));
        assert!(
            finished.stderr.contains("status 429"),
            "{}",
            finished.stderr
        );
        bench.has(&files.images[0]);
    });
}

#[test]
fn an_error_in_the_middle_of_a_blob_is_tried_again() {
    with_registries(|bench| {
        let files = bench.large_image();
        let broken = RegistryAnswer::status(500);
        let fault = RegistryFault::AnswerAfter(1_000_000, broken);
        bench.add(RegistryRule::on("*", &layer(&files), fault.clone()).nth(1));
        bench.add(RegistryRule::on("PATCH", UPLOADS, fault).nth(1));
        let finished = bench.pushes(&files, "pushed");
        assert!(
            finished.stderr.contains("status 500"),
            "{}",
            finished.stderr
        );
        bench.has(&files.images[0]);
    });
}

#[test]
fn a_broken_upload_goes_on_where_it_was() {
    with_registries(|bench| {
        let files = bench.large_image();
        let size = files.images[0].blobs[0].size;
        let cut = RegistryFault::CutAfter(2_000_000);
        bench.add(RegistryRule::on("PUT", &layer(&files), cut).nth(1));
        let finished = bench.pushes(&files, "pushed");
        bench.has(&files.images[0]);
        let requests = bench.proxy.take_requests();
        let again: u64 = requests
            .iter()
            .filter(|request| request.path.contains(UPLOADS) && request.status != 0)
            .map(|request| request.body_bytes)
            .filter(|bytes| *bytes > 100_000)
            .sum();
        // distribution 2 forgets an upload that broke (`ResumeBlobUpload` in its registry/handlers/blobupload.go).
        match bench.registry.name.as_str() {
            "distribution-3" => {
                assert_eq!(again, size - 2_000_000, "{requests:#?}");
                let told = finished.stderr.contains("goes on at byte 2000000");
                assert!(told, "{}", finished.stderr);
            }
            _ => assert!(again <= size, "{requests:#?}"),
        }
    });
}

#[test]
fn an_upload_that_breaks_often_ends_nevertheless() {
    let bench = Bench::with("distribution-3");
    let files = bench.large_image();
    for number in 1..=2 {
        let fault = RegistryFault::CutAfter(700_000);
        bench.add(RegistryRule::on("PATCH", UPLOADS, fault).nth(number));
    }
    let fault = RegistryFault::CutAfter(700_000);
    bench.add(RegistryRule::on("PUT", &layer(&files), fault).nth(1));
    bench.pushes(&files, "pushed");
    bench.has(&files.images[0]);
    let parts = bench.requests("PATCH", UPLOADS);
    let starts = parts
        .iter()
        .map(|part| part.range.as_deref().unwrap_or_default());
    let starts: Vec<&str> = starts
        .map(|range| range.split('-').next().unwrap())
        .collect();
    assert_eq!(starts, ["700000", "1400000", "2100000"]);
}

#[test]
fn a_blob_whose_answer_was_lost_is_not_sent_again() {
    with_registries(|bench| {
        let files = bench.large_image();
        let lost = RegistryFault::LoseAnswer;
        bench.add(RegistryRule::on("PUT", &layer(&files), lost).nth(1));
        bench.pushes(&files, "pushed");
        bench.has(&files.images[0]);
        let requests = bench.proxy.take_requests();
        let sent: u64 = requests.iter().map(|request| request.body_bytes).sum();
        assert!(sent < LARGE as u64 + 100_000, "{sent} bytes were sent");
    });
}

#[test]
fn a_slow_link_is_waited_for() {
    let bench = Bench::with("distribution-2");
    let files = bench.large_image();
    let fault = RegistryFault::Throttle(LARGE as u64 / 3);
    bench.add(RegistryRule::on("PUT", UPLOADS, fault));
    let started = Instant::now();
    bench.pushes(&files, "pushed");
    assert!(started.elapsed() > Duration::from_secs(2));
    bench.has(&files.images[0]);
}

#[test]
fn a_registry_that_does_not_recover_is_given_up_after_a_while() {
    let bench = Bench::with("distribution-2");
    let files = bench.small_image();
    bench.add(RegistryRule::on("PUT", UPLOADS, answer(503)));
    let started = Instant::now();
    let mut program = program(&files);
    patience(&mut program, 3);
    let texts = ["gave up after", "status 503", "failed to send the blob"];
    crate::bench::failed(program, 1, &texts);
    assert!(started.elapsed() < Duration::from_secs(60));
    bench.has_no_tags();
}

/// Limits how long something is tried again.
fn patience(program: &mut Program, seconds: u64) {
    program.command().arg(format!("--retry-time={seconds}"));
}

#[test]
fn a_registry_that_never_answers_is_given_up() {
    let bench = Bench::with("distribution-2");
    for (method, path) in [("HEAD", "/manifests/"), ("PUT", "/manifests/")] {
        let files = bench.small_image();
        let never = RegistryFault::Delay(Duration::from_secs(600));
        bench.add(RegistryRule::on(method, path, never));
        let mut program = program(&files);
        program.command().arg("--timeout=1");
        patience(&mut program, 2);
        let started = Instant::now();
        crate::bench::failed(program, 1, &["does not answer", &bench.proxy.address()]);
        assert!(started.elapsed() < Duration::from_secs(30));
        bench.has_no_tags();
    }
}

#[test]
fn a_registry_that_takes_no_more_of_a_blob_is_given_up() {
    let bench = Bench::with("distribution-2");
    let files = PushFiles::write(
        &bench.place(),
        &[bench.layer_of("huge", 20_000_000)],
        &bench.proxied(),
        &["v1"],
    );
    let files = files.unwrap();
    // More than fits into the buffers on the way.
    bench.add(RegistryRule::on("PUT", UPLOADS, RegistryFault::Throttle(1)));
    let mut program = program(&files);
    program.command().arg("--timeout=1");
    patience(&mut program, 2);
    let started = Instant::now();
    crate::bench::failed(program, 1, &["does not answer", "failed to send the blob"]);
    assert!(started.elapsed() < Duration::from_secs(30));
    bench.has_no_tags();
}

#[test]
fn a_registry_that_wants_to_be_left_alone_for_long_is_not_waited_for() {
    let bench = Bench::with("distribution-2");
    for after in ["3600", "Fri, 31 Dec 2100 23:59:59 GMT"] {
        let files = bench.small_image();
        let busy = RegistryAnswer::status(429).header("retry-after", after);
        bench.add(RegistryRule::on(
            "PUT",
            UPLOADS,
            RegistryFault::Answer(busy),
        ));
        let started = Instant::now();
        bench.fails(&files, 1, &["status 429"]);
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}
