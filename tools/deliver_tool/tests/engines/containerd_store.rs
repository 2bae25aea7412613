//! Docker with the containerd image store: what is sent, and what it has then.

mod faults;

use std::io::Read;
use std::path::Path;

use serde_json::{json, Value};
use stevedore_image::compression::Compression;
use stevedore_image::description::ImageDescription;
use stevedore_image::load_manifest::LoadManifest;
use stevedore_image::oci_archive;
use stevedore_testing::{layer_tar, program_layer, Finished, ImageFiles, LayerFile, Program};

use crate::bench::{with_engines, Bench, BINARY};

fn with_containerd_stores(test: impl Fn(&Bench)) {
    with_engines(
        |name| name.starts_with("docker") && name.contains("containerd") && !name.contains("tmpfs"),
        test,
    );
}

fn manifest(image: &ImageFiles) -> LoadManifest {
    LoadManifest::of_blobs(&description(image)).unwrap()
}

fn description(image: &ImageFiles) -> ImageDescription {
    ImageDescription::load(&image.file("description.json")).unwrap()
}

/// Loads; that must succeed with these counts of layers: all, present, sent.
#[track_caller]
fn loads(bench: &Bench, image: &ImageFiles, outcome: &str, layers: [usize; 3]) -> Finished {
    let finished = bench.load(image);
    succeeded(bench, image, &finished);
    assert_eq!(finished.report["outcome"], outcome, "{}", finished.report);
    counts(&finished, layers);
    finished
}

#[track_caller]
fn counts(finished: &Finished, [total, present, sent]: [usize; 3]) {
    assert_eq!(
        finished.report["layers"],
        json!({"total": total, "present": present, "sent": sent})
    );
}

/// The load ended well, and the engine has the image under its name, complete.
#[track_caller]
fn succeeded(bench: &Bench, image: &ImageFiles, finished: &Finished) {
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(finished.report["destination"]["store"], "containerd");
    is_complete(bench, image, &bench.image_name());
    let id = bench.api.image_id(&bench.image_name()).unwrap();
    assert_eq!(finished.report["image_id"].as_str().map(str::to_owned), id);
}

#[track_caller]
fn is_complete(bench: &Bench, image: &ImageFiles, name: &str) {
    let path = format!("/v1.51/images/{name}/json?manifests=1");
    let (_, found) = bench.api.call("GET", &path, &Value::Null).unwrap();
    assert_eq!(found["Manifests"][0]["Available"], true, "{found}");
    assert_eq!(found["RootFS"]["Layers"], json!(image.diff_ids), "{found}");
}

fn requests(finished: &Finished) -> u64 {
    finished.report["requests"].as_u64().unwrap()
}

fn bytes_sent(finished: &Finished) -> u64 {
    finished.report["bytes_sent"].as_u64().unwrap()
}

/// An archive of the image with the layers that are included, for the engine's own load.
fn archive(image: &ImageFiles, includes: impl Fn(usize) -> bool) -> Vec<u8> {
    let config = std::fs::read(image.file("config.json")).unwrap();
    let platform = description(image).platform;
    let plan = oci_archive::plan(&manifest(image), &platform, &config, None, includes).unwrap();
    let mut bytes = Vec::new();
    plan.reader(|index| std::fs::File::open(image.tar(index)))
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

fn tag(bench: &Bench, id: &str, name: &str) {
    let (repository, tag) = name.split_once(':').unwrap();
    let path = format!("/images/{id}/tag?repo={repository}&tag={tag}");
    let (status, answer) = bench.api.call("POST", &path, &Value::Null).unwrap();
    assert_eq!(status, 201, "{answer}");
}

#[test]
fn only_what_is_missing_is_sent() {
    with_containerd_stores(|bench| {
        let base = || bench.tar("base", 3_000_000);
        let image = bench.image(&[base(), bench.tar("app", 1_000_000)], "A=1");
        let first = loads(bench, &image, "loaded", [2, 0, 2]);
        let predicted = manifest(&image).descriptor().digest.to_string();
        assert_eq!(first.report["image_id"], predicted);
        let unchanged = loads(bench, &image, "unchanged", [2, 2, 0]);
        assert_eq!(requests(&unchanged), 2, "{}", unchanged.report);
        assert!(bytes_sent(&unchanged) <= 2048, "{}", unchanged.report);
        let config = bench.image(&[base(), bench.tar("app", 1_000_000)], "A=2");
        let config = loads(bench, &config, "loaded", [2, 2, 0]);
        assert!(bytes_sent(&config) <= 16 << 10, "{}", config.report);
        let top = bench.image(&[base(), bench.tar("app2", 1_000_000)], "A=2");
        let top = loads(bench, &top, "loaded", [2, 1, 1]);
        assert!(bytes_sent(&top) <= 1_000_000 + (64 << 10), "{}", top.report);
        let lower = bench.image(
            &[bench.tar("base2", 300_000), bench.tar("app2", 1_000_000)],
            "A=2",
        );
        loads(bench, &lower, "loaded", [2, 1, 1]);
    });
}

#[test]
fn a_further_name_costs_no_upload_and_a_name_moves_back() {
    with_containerd_stores(|bench| {
        let image = bench.image(&bench.tars(&["one"]), "A=1");
        loads(bench, &image, "loaded", [1, 0, 1]);
        let further = format!("stevedore-test-{}:further", bench.unique);
        tag(
            bench,
            &manifest(&image).descriptor().digest.to_string(),
            &further,
        );
        bench.api.remove_image(&bench.image_name()).unwrap();
        let named = loads(bench, &image, "unchanged", [1, 1, 0]);
        assert_eq!(requests(&named), 4, "{}", named.report);
        assert!(bytes_sent(&named) <= 2048, "{}", named.report);
        let other = bench.image(&bench.tars(&["two"]), "A=1");
        loads(bench, &other, "loaded", [1, 0, 1]);
        let image = bench.image(&bench.tars(&["one"]), "A=1");
        let back = loads(bench, &image, "unchanged", [1, 1, 0]);
        assert!(bytes_sent(&back) <= 4096, "{}", back.report);
        bench.api.remove_image(&further).unwrap();
    });
}

#[test]
fn a_layer_may_occur_twice_and_an_image_may_have_none() {
    with_containerd_stores(|bench| {
        let twice = bench.image(&bench.tars(&["same", "other", "same"]), "A=1");
        let finished = loads(bench, &twice, "loaded", [3, 0, 3]);
        assert!(bytes_sent(&finished) < 500_000, "{}", finished.report);
        loads(bench, &twice, "unchanged", [3, 3, 0]);
        let none = bench.image(&[], "A=1");
        assert_eq!(bench.load(&none).code, Some(0));
        assert_eq!(bench.load(&none).report["outcome"], "unchanged");
    });
}

#[test]
fn blobs_of_a_base_are_sent_as_they_are() {
    with_containerd_stores(|bench| {
        let blob = |name: &str, compression| {
            let tar = layer_tar(&format!("{}-{name}", bench.unique), 700_000).unwrap();
            LayerFile::Blob(tar, compression)
        };
        let layers = [
            blob("gzip", Compression::Gzip),
            blob("zstd", Compression::Zstd),
            blob("plain", Compression::None),
            bench.tar("app", 1000),
        ];
        let image = bench.image(&layers, "A=1");
        loads(bench, &image, "loaded", [4, 0, 4]);
        loads(bench, &image, "unchanged", [4, 4, 0]);
        let saved = bench.api.save(&bench.image_name()).unwrap();
        let mut blobs: Vec<String> = members(&saved);
        for layer in manifest(&image).layers() {
            let name = format!("blobs/sha256/{}", layer.digest.hex());
            let place = blobs.iter().position(|blob| *blob == name);
            blobs.swap_remove(place.unwrap_or_else(|| panic!("`{name}` was not saved")));
        }
    });
}

fn members(tar: &[u8]) -> Vec<String> {
    let listed = std::process::Command::new("tar")
        .args(["--list", "--file=-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            let mut stdin = child.stdin.take().unwrap();
            let tar = tar.to_vec();
            let writing = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &tar));
            let output = child.wait_with_output();
            writing.join().unwrap().unwrap();
            output
        })
        .unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout);
    listed.lines().map(str::to_owned).collect()
}

#[test]
fn a_layer_that_is_there_in_another_compression_is_not_sent() {
    with_containerd_stores(|bench| {
        let tar = layer_tar(&format!("{}-base", bench.unique), 17 << 20).unwrap();
        let compressed = LayerFile::Blob(tar.clone(), Compression::Gzip);
        let image = bench.image(&[compressed, bench.tar("app", 1000)], "A=1");
        loads(bench, &image, "loaded", [2, 0, 2]);
        let plain = || LayerFile::Tar(tar.clone());
        let image = bench.image(&[plain(), bench.tar("app2", 1000)], "A=1");
        let finished = loads(bench, &image, "loaded", [2, 1, 1]);
        assert!(bytes_sent(&finished) < 64 << 10, "{}", finished.report);
        let unchanged = loads(bench, &image, "unchanged", [2, 2, 0]);
        assert_eq!(requests(&unchanged), 4, "{}", unchanged.report);
        assert!(bytes_sent(&unchanged) <= 2048, "{}", unchanged.report);
        // All that this side has of it is there under a name that it did not give.
        let same = bench.image(&[plain(), bench.tar("app2", 1000)], "A=1");
        loads(bench, &same, "unchanged", [2, 2, 0]);
    });
}

#[test]
fn an_image_that_came_by_the_engines_own_load_is_unchanged() {
    with_containerd_stores(|bench| {
        let image = bench.image(&bench.tars(&["base", "app"]), "A=1");
        let upload = archive(&image, |_| true);
        bench.api.upload("/images/load", &upload).unwrap();
        let id = manifest(&image).descriptor().digest.to_string();
        tag(bench, &id, &bench.image_name());
        let finished = loads(bench, &image, "unchanged", [2, 2, 0]);
        assert_eq!(requests(&finished), 2, "{}", finished.report);
    });
}

#[test]
fn the_image_runs() {
    with_containerd_stores(|bench| {
        let programs = program_layer(&["/bin/sh"]).unwrap();
        let image = bench.image(&[LayerFile::Tar(programs), bench.tar("app", 1000)], "A=1");
        for _ in 0..2 {
            let mut program = Program::load(Path::new(BINARY), &image, &bench.host()).unwrap();
            let script = ["/bin/sh", "-c", "echo out; exit 7"];
            program.command().args(["--run", "--network=none", "--"]);
            program.command().args(script);
            let finished = program.run().unwrap();
            assert_eq!(finished.code, Some(7), "{}", finished.stderr);
            assert_eq!(finished.stdout, "out\n");
        }
    });
}
