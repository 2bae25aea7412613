//! Loads that are disturbed, into Docker with the containerd image store.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use stevedore_engine::Docker;
use stevedore_image::digest::Digest;
use stevedore_testing::{Finished, Interference, Program, Proxy};
use stevedore_wire::Traffic;

use super::{
    archive, counts, is_complete, loads, manifest, succeeded, tag, with_containerd_stores,
};
use crate::bench::{with_engines, Bench, BINARY};
use crate::disturbances::{signal_in_the_middle, SLOW};

#[test]
fn what_is_removed_after_it_was_asked_for_is_sent_all_the_same() {
    with_containerd_stores(|bench| {
        for holds_snapshot in [false, true] {
            let old = bench.image(&bench.tars(&["base", "lib"]), "A=1");
            loads(bench, &old, "loaded", [2, 0, 2]);
            let id = manifest(&old).descriptor().digest.to_string();
            // A container keeps the snapshots, not the blobs: what is made of these then runs, and cannot be saved.
            let container = holds_snapshot.then(|| bench.make_container(&bench.image_name()));
            let image = bench.image(&bench.tars(&["base", "lib", "app"]), "A=1");
            let api = bench.api.clone();
            let remove = Box::new(move || api.remove_image(&id).unwrap());
            let proxy = Proxy::start(&bench.socket, Interference::BeforeUpload(1, remove)).unwrap();
            let finished = bench.load_by(&image, &proxy.host());
            succeeded(bench, &image, &finished);
            counts(&finished, [3, 0, 3]);
            let note = "the image is not complete in the engine, every layer is sent";
            assert!(finished.stderr.contains(note), "{}", finished.stderr);
            if let Some(container) = container {
                remove_container(bench, &container);
            }
            bench.api.remove_image(&bench.image_name()).unwrap();
        }
    });
}

fn remove_container(bench: &Bench, container: &str) {
    let path = format!("/containers/{container}?force=1");
    bench.api.call("DELETE", &path, &Value::Null).unwrap();
}

#[test]
fn a_broken_image_of_the_same_id_and_name_is_mended() {
    with_containerd_stores(|bench| {
        let image = bench.image(&bench.tars(&["base", "app"]), "A=1");
        let id = manifest(&image).descriptor().digest.to_string();
        let upload = archive(&image, |index| index == 1);
        let answer = bench.api.upload("/images/load", &upload).unwrap();
        assert!(answer.contains("Error unpacking image"), "{answer}");
        tag(bench, &id, &bench.image_name());
        loads(bench, &image, "loaded", [2, 1, 1]);
        remove_container(bench, &bench.make_container(&bench.image_name()));
    });
}

#[test]
fn a_layer_whose_bytes_have_changed_is_not_sent_to_its_end() {
    with_containerd_stores(|bench| {
        let old = bench.image(&bench.tars(&["old"]), "A=1");
        loads(bench, &old, "loaded", [1, 0, 1]);
        let count = bench.api.image_count().unwrap();
        let image = bench.image(&bench.tars(&["changed"]), "A=2");
        let mut tar = std::fs::read(image.tar(0)).unwrap();
        tar[100_000] ^= 1;
        std::fs::write(image.tar(0), tar).unwrap();
        let finished = bench.load(&image);
        assert_eq!(finished.code, Some(4), "{}", finished.stderr);
        is_complete(bench, &old, &bench.image_name());
        assert_eq!(bench.api.image_count().unwrap(), count);
    });
}

/// All blobs in the engine's content store, and their sizes.
fn blobs(bench: &Bench) -> BTreeMap<Digest, u64> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let listed = runtime.block_on(async {
        let address = bench.host().parse().unwrap();
        let engine = Docker::connect(address, Traffic::default()).await.unwrap();
        engine.content().await.unwrap().list(Vec::new()).await
    });
    let listed = listed.unwrap();
    listed.iter().map(|blob| (blob.digest, blob.size)).collect()
}

/// Loads an old image, then a new one by a proxy, which is disturbed: no name moves, no image stays, and the next load
/// succeeds.
fn disturbed(
    bench: &Bench,
    interference: Interference,
    disturb: impl Fn(&mut Program, &Proxy) -> Finished,
) {
    let old = bench.image(&bench.tars(&["old"]), "A=1");
    loads(bench, &old, "loaded", [1, 0, 1]);
    let old_id = manifest(&old).descriptor().digest.to_string();
    let (count, before) = (bench.api.image_count().unwrap(), blobs(bench));
    let layers = [bench.tar("base", 20_000_000), bench.tar("app", 20_000_000)];
    let image = bench.image(&layers, "A=2");
    let proxy = Proxy::start(&bench.socket, interference).unwrap();
    let mut program = Program::load(Path::new(BINARY), &image, &proxy.host()).unwrap();
    let finished = disturb(&mut program, &proxy);
    assert_ne!(finished.code, Some(0), "{}", finished.stderr);
    is_complete(bench, &old, &bench.image_name());
    assert_eq!(bench.api.image_count().unwrap(), count);
    // When its connection breaks, the engine's load leaves its lease behind, which ends after 24 hours (`WithLease` in
    // containerd's `client/lease.go`; it is to be removed by the request that has ended). It holds what had arrived:
    // here the small files at the start of the archive. Other loads of the same image find them there.
    let after = blobs(bench);
    let rest = after
        .iter()
        .filter(|(digest, _)| !before.contains_key(*digest));
    let rest: u64 = rest.map(|(_, size)| size).sum();
    assert!(rest < 16 << 10, "{rest} bytes remain");
    loads(bench, &image, "loaded", [2, 0, 2]);
    bench.api.remove_image(&old_id).unwrap();
}

fn disturbed_by(signal: &str, code: Option<i32>) {
    with_containerd_stores(|bench| {
        disturbed(bench, SLOW, |program, proxy| {
            let finished = signal_in_the_middle(program, proxy, signal);
            assert_eq!(finished.code, code, "{}", finished.stderr);
            finished
        });
    });
}

#[test]
fn killed_in_the_middle_of_an_upload() {
    disturbed_by("-KILL", None);
}

#[test]
fn interrupted_in_the_middle_of_an_upload() {
    disturbed_by("-INT", Some(130));
}

#[test]
fn a_connection_that_breaks_in_the_middle_of_an_upload() {
    with_containerd_stores(|bench| {
        disturbed(bench, Interference::CutAfter(10_000_000), |program, _| {
            let output = program.command().output().unwrap();
            program.finish(output).unwrap()
        });
    });
}

#[test]
fn a_full_disk() {
    let is_small = |name: &str| name.contains("containerd") && name.contains("tmpfs");
    with_engines(is_small, |bench| {
        let old = bench.image(&bench.tars(&["old"]), "A=1");
        loads(bench, &old, "loaded", [1, 0, 1]);
        let count = bench.api.image_count().unwrap();
        // The first does not fit; of the second the blob does, but not what is unpacked from it.
        for size in [120_000_000, 60_000_000] {
            let image = bench.image(&[bench.tar("base", size)], "A=2");
            let finished = bench.load(&image);
            assert_eq!(finished.code, Some(1), "{}", finished.stderr);
            let text = "its disk is full";
            assert!(finished.stderr.contains(text), "{}", finished.stderr);
            is_complete(bench, &old, &bench.image_name());
            assert_eq!(bench.api.image_count().unwrap(), count);
        }
        let small = bench.image(&bench.tars(&["small"]), "A=3");
        loads(bench, &small, "loaded", [1, 0, 1]);
    });
}
