//! What a registry does not do, and what is done instead.

use stevedore_testing::{
    Consignment, PushFiles, PushedDraft, RegistryAnswer, RegistryFault, RegistryRule,
};

use crate::bench::{failed, program, with_registries, Bench};

const UPLOADS: &str = "/blobs/uploads/";

fn answer(status: u16) -> RegistryFault {
    RegistryFault::Answer(RegistryAnswer::status(status))
}

/// An image whose base was pulled from another repository of the registry, which has it.
fn on_a_base(bench: &Bench) -> PushFiles {
    let layers = [bench.base_layer("base"), bench.layer("app")];
    let base = format!("{}-base", bench.repository);
    let pulled = bench.image(&layers[..1]);
    let blob = std::fs::read(&pulled.images[0].files[0]).unwrap();
    bench.api.put_blob(&base, &blob).unwrap();
    let repository = format!("{}/{base}", bench.proxy.address());
    let draft = PushedDraft {
        base_repository: Some(&repository),
        ..PushedDraft::new("image", &layers)
    };
    let consignment = Consignment {
        images: &[draft],
        index: None,
        destinations: &[(&bench.proxied(), &["v1"])],
    };
    PushFiles::write_all(&bench.place(), &[consignment]).unwrap()
}

/// The number of bytes of blobs that the proxy saw.
fn sent(bench: &Bench) -> u64 {
    let requests = bench.proxy.take_requests();
    let uploads = requests
        .iter()
        .filter(|request| request.path.contains(UPLOADS));
    uploads.map(|request| request.body_bytes).sum()
}

#[test]
fn a_base_is_mounted_from_where_it_was_pulled() {
    for name in ["distribution-2", "distribution-3"] {
        let bench = Bench::with(name);
        let files = on_a_base(&bench);
        bench.pushes(&files, "pushed");
        let image = &files.images[0];
        bench.has(image);
        assert_eq!(
            sent(&bench),
            image.blobs[1].size + image.config.size,
            "{name}"
        );
    }
}

#[test]
fn a_registry_that_refuses_mounts_is_sent_the_blob() {
    with_registries(|bench| {
        for status in [400, 403, 404, 405] {
            let files = on_a_base(bench);
            bench.add(RegistryRule::on("POST", "mount=", answer(status)));
            bench.pushes(&files, "pushed");
            bench.proxy.remove_rules();
            bench.has(&files.images[0]);
            bench.forget(&files.images[0]);
        }
    });
}

#[test]
fn a_registry_that_ignores_mounts_is_sent_the_blob_in_the_upload_that_it_begins() {
    with_registries(|bench| {
        let files = on_a_base(bench);
        bench.add(RegistryRule::on(
            "POST",
            "mount=",
            RegistryFault::IgnoreQuery,
        ));
        bench.pushes(&files, "pushed");
        bench.has(&files.images[0]);
        let posts = bench.requests("POST", UPLOADS);
        // Three blobs at most, and no upload for one of them twice.
        assert!(posts.len() <= 3, "{posts:#?}");
    });
}

#[test]
fn a_registry_without_chunks_gets_each_blob_in_one_request() {
    with_registries(|bench| {
        let files = bench.small_image();
        for status in [405, 416] {
            bench.add(RegistryRule::on("PATCH", UPLOADS, answer(status)).times(2));
        }
        bench.pushes(&files, "pushed");
        bench.has(&files.images[0]);
    });
}

#[test]
fn an_upload_that_breaks_where_no_chunks_are_taken_begins_anew() {
    with_registries(|bench| {
        for status in [405, 416, 501] {
            let files = bench.image(&[bench.large_layer(&status.to_string())]);
            let layer = format!("digest={}", files.images[0].blobs[0].digest);
            bench.add(RegistryRule::on("PATCH", UPLOADS, answer(status)));
            let cut = RegistryFault::CutAfter(1_000_000);
            bench.add(RegistryRule::on("PUT", &layer, cut).nth(1));
            bench.pushes(&files, "pushed");
            bench.proxy.remove_rules();
            bench.has(&files.images[0]);
            bench.forget(&files.images[0]);
        }
    });
}

#[test]
fn a_registry_that_wants_chunks_gets_chunks() {
    for name in ["distribution-2", "distribution-3"] {
        let bench = Bench::with(name);
        let files = bench.image(&[bench.layer("app")]);
        let smallest = RegistryFault::SetHeader("oci-chunk-min-length", "1000000".to_owned());
        bench.add(RegistryRule::on("POST", UPLOADS, smallest));
        bench.pushes(&files, "pushed");
        bench.has(&files.images[0]);
        let parts = bench.requests("PATCH", UPLOADS);
        assert!(!parts.is_empty(), "{name}: no chunks");
    }
}

#[test]
fn a_registry_that_wants_chunks_and_takes_none_gets_the_blob_at_once() {
    for status in [405, 416] {
        let bench = Bench::with("distribution-3");
        let files = bench.small_image();
        let smallest = RegistryFault::SetHeader("oci-chunk-min-length", "1000000".to_owned());
        bench.add(RegistryRule::on("POST", UPLOADS, smallest));
        bench.add(RegistryRule::on("PATCH", UPLOADS, answer(status)));
        let finished = bench.pushes(&files, "pushed");
        bench.has(&files.images[0]);
        let told = finished.stderr.contains("takes no parts of blobs");
        assert!(told, "{}", finished.stderr);
    }
}

#[test]
fn a_registry_behind_a_limit_gets_smaller_requests() {
    for name in ["distribution-2", "distribution-3"] {
        let bench = Bench::with(name);
        let files = bench.large_image();
        bench.add(RegistryRule::on(
            "*",
            UPLOADS,
            RegistryFault::RefuseLarger(1_600_000),
        ));
        let finished = bench.pushes(&files, "pushed");
        bench.has(&files.images[0]);
        assert!(
            finished.stderr.contains("in parts of"),
            "{}",
            finished.stderr
        );
        let requests = bench.proxy.take_requests();
        let passed = requests.iter().filter(|request| request.status / 100 == 2);
        let largest = passed.map(|request| request.body_bytes).max();
        assert!(largest <= Some(1_600_000), "{requests:#?}");
    }
}

#[test]
fn a_registry_that_takes_nothing_says_so() {
    let bench = Bench::with("distribution-2");
    let files = bench.small_image();
    bench.add(RegistryRule::on(
        "*",
        UPLOADS,
        RegistryFault::RefuseLarger(1000),
    ));
    bench.fails(&files, 1, &["status 413"]);
}

#[test]
fn a_registry_that_does_not_tell_digests_is_believed() {
    with_registries(|bench| {
        let files = bench.small_image();
        let silent = RegistryFault::RemoveHeader("docker-content-digest");
        bench.add(RegistryRule::on("*", "", silent));
        bench.pushes(&files, "pushed");
        bench.has(&files.images[0]);
        bench.pushes(&files, "unchanged");
    });
}

#[test]
fn a_registry_that_tells_a_wrong_digest_is_not_believed() {
    let wrong = format!("sha256:{}", "0".repeat(64));
    for path in [UPLOADS, "/manifests/"] {
        let bench = Bench::with("distribution-2");
        let files = bench.small_image();
        let lie = RegistryFault::SetHeader("docker-content-digest", wrong.clone());
        bench.add(RegistryRule::on("PUT", path, lie));
        let texts = [
            wrong.as_str(),
            "expected `sha256:",
            "the registry is at fault",
        ];
        failed(program(&files), 1, &texts);
    }
}

#[test]
fn a_tag_that_is_said_to_be_another_image_is_put_again() {
    let bench = Bench::with("distribution-2");
    let files = bench.small_image();
    bench.pushes(&files, "pushed");
    let wrong = format!("sha256:{}", "0".repeat(64));
    let lie = RegistryFault::SetHeader("docker-content-digest", wrong);
    bench.add(RegistryRule::on("HEAD", "/manifests/v1", lie).nth(1));
    bench.pushes(&files, "pushed");
    bench.has(&files.images[0]);
}

#[test]
fn a_registry_that_lacks_what_it_said_it_had_gets_it() {
    for name in ["distribution-2", "distribution-3"] {
        let bench = Bench::with(name);
        let files = bench.small_image();
        let there = RegistryAnswer::status(200);
        let lie = RegistryFault::Answer(there);
        bench.add(RegistryRule::on("HEAD", "/blobs/", lie));
        let finished = bench.pushes(&files, "pushed");
        let told = finished.stderr.contains("lacks a blob");
        assert!(told, "{name}: {}", finished.stderr);
        bench.has(&files.images[0]);
    }
}

#[test]
fn a_registrys_words_are_passed_on() {
    let bench = Bench::with("distribution-2");
    let files = bench.small_image();
    for (method, path, status, code, texts) in [
        (
            "POST",
            UPLOADS,
            404,
            "NAME_UNKNOWN",
            &["status 404", "begin the upload"][..],
        ),
        (
            "POST",
            UPLOADS,
            403,
            "DENIED",
            &["does not allow it", "credentials: nobody"],
        ),
        (
            "PUT",
            "/manifests/",
            400,
            "MANIFEST_INVALID",
            &["status 400", "put the manifest"],
        ),
        (
            "PUT",
            "/manifests/",
            403,
            "DENIED",
            &["does not allow it", "`v1`"],
        ),
        (
            "HEAD",
            "/manifests/",
            403,
            "",
            &["does not allow it", "look for the manifest"],
        ),
    ] {
        let body = format!(r#"{{"errors":[{{"code":"{code}","message":"the moon is full"}}]}}"#);
        let answer = RegistryAnswer::status(status).body("application/json", &body);
        bench.add(RegistryRule::on(
            method,
            path,
            RegistryFault::Answer(answer),
        ));
        let finished = bench.fails(&files, 1, texts);
        if method != "HEAD" {
            let words = format!("{code}: the moon is full");
            assert!(finished.stderr.contains(&words), "{}", finished.stderr);
        }
        bench.proxy.remove_rules();
    }
}
