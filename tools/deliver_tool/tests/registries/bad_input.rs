//! What cannot be pushed, and what is no registry.

use std::fs;

use stevedore_testing::{PushFiles, RegistryAnswer, RegistryFault, RegistryRule};

use crate::bench::{failed, program, with_registries, Bench};

const UPLOADS: &str = "/blobs/uploads/";

#[test]
fn a_repository_that_does_not_parse_is_refused_before_anything_is_asked() {
    let bench = Bench::with("distribution-2");
    let files = bench.small_image();
    for (flag, texts) in [
        (
            "--repository=Not/A/Repository",
            &["`Not/A/Repository`", "lower-case"][..],
        ),
        (
            "--repository=localhost:x/app",
            &["`localhost:x/app`", "port"],
        ),
        (
            "--repository=localhost:5000/app:v1",
            &["`localhost:5000/app:v1`"],
        ),
        ("--repository=", &["repository"]),
    ] {
        let mut program = program(&files);
        program.command().arg(flag);
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(2), "{flag}: {}", finished.stderr);
        for text in texts {
            assert!(
                finished.stderr.contains(text),
                "{flag}: {}",
                finished.stderr
            );
        }
    }
    assert!(bench.proxy.take_requests().is_empty());
    bench.has_no_tags();
}

#[test]
fn a_tag_that_is_none_is_refused_before_anything_is_asked() {
    let bench = Bench::with("distribution-2");
    let files = bench.small_image();
    let long = "x".repeat(129);
    for tag in [long.as_str(), "with space", ".dot", "a/b", ""] {
        let mut program = program(&files);
        program.command().arg(format!("--tag={tag}"));
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(2), "{tag}: {}", finished.stderr);
        assert!(
            finished.stderr.contains("128"),
            "{tag}: {}",
            finished.stderr
        );
    }
    assert!(bench.proxy.take_requests().is_empty());
}

#[test]
fn what_answers_with_html_is_no_registry() {
    with_registries(|bench| {
        let files = bench.small_image();
        for status in [200, 404] {
            let page = RegistryAnswer::status(status).body("text/html; charset=utf-8", "<html>");
            bench.add(RegistryRule::on("*", "", RegistryFault::Answer(page)));
            bench.fails(
                &files,
                3,
                &["is no registry", "HTML", &bench.proxy.address()],
            );
            bench.proxy.remove_rules();
        }
    });
}

#[test]
fn nobody_who_listens_is_named() {
    let bench = Bench::with("distribution-2");
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let repository = format!("{address}/app");
    let files = PushFiles::write(&bench.place(), &[bench.layer("app")], &repository, &["v1"]);
    let texts = [address.as_str(), "failed to connect"];
    failed(program(&files.unwrap()), 3, &texts);
}

/// What may become of a file: another byte, an end that is missing, bytes that are too many.
fn changed(good: &[u8]) -> [Vec<u8>; 3] {
    let mut changed = good.to_vec();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let shorter = good[..good.len() - 10].to_vec();
    [changed, shorter, [good, b"more"].concat()]
}

#[test]
fn a_blob_that_has_changed_since_the_build_is_not_pushed() {
    with_registries(|bench| {
        for layer in [bench.base_layer("base"), bench.layer("app")] {
            let files = bench.image(&[layer]);
            let image = &files.images[0];
            let good = fs::read(&image.files[0]).unwrap();
            for bytes in changed(&good) {
                fs::write(&image.files[0], bytes).unwrap();
                bench.fails(&files, 4, &[&image.files[0].display().to_string()]);
                let digest = &image.blobs[0].digest;
                let path = format!("/v2/{}/blobs/{digest}", bench.repository);
                let reply = bench.api.call("GET", &path, "", b"").unwrap();
                assert_eq!(reply.status, 404, "a blob of that digest has come");
            }
            fs::write(&image.files[0], good).unwrap();
            bench.pushes(&files, "pushed");
            bench.has(image);
            bench.forget(image);
        }
    });
}

#[test]
fn a_blob_that_is_missing_is_named() {
    let bench = Bench::with("distribution-2");
    let files = bench.small_image();
    let file = &files.images[0].files[1];
    fs::remove_file(file).unwrap();
    let texts = [
        "failed to read the blob",
        "runfile `_main/image/1.tar.gz` is missing",
    ];
    bench.fails(&files, 4, &texts);
}

#[test]
fn files_of_layers_that_are_there_are_not_opened() {
    with_registries(|bench| {
        let files = bench.small_image();
        bench.pushes(&files, "pushed");
        for file in &files.images[0].files {
            fs::remove_file(file).unwrap();
        }
        bench.proxy.take_requests();
        let finished = bench.pushes(&files, "unchanged");
        assert!(
            finished.report["requests"].as_u64() <= Some(3),
            "{}",
            finished.report
        );
        let requests = bench.proxy.take_requests();
        assert!(requests.len() <= 3, "{requests:#?}");
        let blobs = requests
            .iter()
            .filter(|request| request.path.contains("/blobs/"));
        assert_eq!(blobs.count(), 0, "{requests:#?}");
        // Another tag for what is there needs no layer either.
        let mut again = program(&files);
        again.command().arg("--tag=v2");
        crate::bench::ran(again, "pushed");
        let mut tags = bench.api.tags(&bench.repository).unwrap();
        tags.sort();
        assert_eq!(tags, ["v1", "v2"]);
    });
}

#[test]
fn an_upload_that_is_given_up_is_ended() {
    let bench = Bench::with("distribution-2");
    let files = bench.image(&[bench.layer("app")]);
    let mut changed = fs::read(&files.images[0].files[0]).unwrap();
    changed[1000] ^= 1;
    fs::write(&files.images[0].files[0], changed).unwrap();
    bench.fails(&files, 4, &[]);
    let requests = bench.proxy.take_requests();
    let of = |method: &str| {
        let uploads = requests
            .iter()
            .filter(|request| request.path.contains(UPLOADS));
        uploads.filter(|request| request.method == method).count()
    };
    // One for the layer is begun and ended; that of the config may be complete.
    assert!(of("DELETE") >= 1, "{requests:#?}");
}
