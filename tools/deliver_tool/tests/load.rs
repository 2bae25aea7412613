//! Loads into a fake Docker: what is sent, how many requests that takes, and what is reported.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use stevedore_image::compression::Compression;
use stevedore_image::digest::Digest;
use stevedore_testing::{
    layer_tar, FakeDocker, Fault, Finished, ImageFiles, LayerFile, Personality, Program,
};

const BINARY: &str = env!("CARGO_BIN_EXE_stevedore-deliver");

/// A fake engine, and a directory for images.
struct Bench {
    docker: FakeDocker,
    directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self {
            docker: FakeDocker::start(Personality::DOCKER_28).unwrap(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn image(&self, layers: &[LayerFile], environment: &str, names: &[&str]) -> ImageFiles {
        ImageFiles::write(self.directory.path(), layers, environment, names).unwrap()
    }

    fn load(&self, image: &ImageFiles, arguments: &[&str]) -> Finished {
        let mut program = Program::load(Path::new(BINARY), image, &self.docker.host()).unwrap();
        program.command().args(arguments);
        program.run().unwrap()
    }

    fn requests(&self) -> Vec<String> {
        let requests = self.docker.take_requests();
        requests
            .iter()
            .map(|request| format!("{} {}", request.method, request.path))
            .collect()
    }
}

fn tar(name: &str) -> LayerFile {
    LayerFile::Tar(layer_tar(name, 100_000).unwrap())
}

fn report(finished: &Finished, field: &str) -> serde_json::Value {
    finished.report.pointer(field).cloned().unwrap_or_default()
}

#[test]
fn a_first_load_sends_everything_in_one_upload() {
    let bench = Bench::new();
    let image = bench.image(
        &[tar("base"), tar("app")],
        "A=1",
        &["app:dev", "ghcr.io/x/app:1"],
    );
    let finished = bench.load(&image, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(finished.stdout, "app:dev\nghcr.io/x/app:1\n");
    let load = "POST /v1.51/images/load?quiet=1";
    let by_id = format!("GET /v1.51/images/{}/json?manifests=1", image.id);
    let requests = bench.requests();
    assert_eq!(requests.len(), 7, "{requests:?}");
    assert_eq!(requests[0], "HEAD /_ping");
    assert_eq!(
        requests[1],
        "GET /v1.51/images/docker.io/library/app:dev/json?manifests=1"
    );
    assert_eq!(requests[3], by_id);
    assert_eq!(requests[4], "GET /v1.51/info");
    assert_eq!(requests[5..], [load, load]);
    assert_eq!(bench.docker.store().name("app:dev"), Some(image.id));
    assert_eq!(bench.docker.store().name("ghcr.io/x/app:1"), Some(image.id));
    assert_eq!(report(&finished, "/outcome"), "loaded");
    assert_eq!(report(&finished, "/image_id"), image.id.to_string());
    assert_eq!(
        report(&finished, "/layers"),
        serde_json::json!({"total": 2, "present": 0, "sent": 2})
    );
    assert_eq!(report(&finished, "/requests"), 7);
    assert_eq!(report(&finished, "/destination/store"), "graphdriver");
    assert_eq!(report(&finished, "/destination/version"), "28.5.2");
}

#[test]
fn an_unchanged_image_costs_a_request_however_many_names_it_has() {
    let bench = Bench::new();
    let image = bench.image(&[tar("base")], "A=1", &["app:dev", "app:two"]);
    bench.load(&image, &[]);
    bench.requests();
    let finished = bench.load(&image, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(bench.requests().len(), 2);
    assert_eq!(report(&finished, "/outcome"), "unchanged");
    assert_eq!(
        report(&finished, "/layers"),
        serde_json::json!({"total": 1, "present": 1, "sent": 0})
    );
    assert!(report(&finished, "/bytes_sent")
        .as_u64()
        .is_some_and(|bytes| bytes <= 1024));
}

#[test]
fn a_new_config_is_loaded_by_the_probe() {
    let bench = Bench::new();
    bench.load(&bench.image(&[tar("base")], "A=1", &["app:dev"]), &[]);
    bench.requests();
    let image = bench.image(&[tar("base")], "A=2", &["app:dev"]);
    let finished = bench.load(&image, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(bench.requests().len(), 3);
    assert_eq!(bench.docker.store().name("app:dev"), Some(image.id));
    assert_eq!(report(&finished, "/outcome"), "loaded");
    assert_eq!(
        report(&finished, "/layers"),
        serde_json::json!({"total": 1, "present": 1, "sent": 0})
    );
}

#[test]
fn a_new_top_layer_is_all_that_is_sent() {
    let bench = Bench::new();
    bench.load(
        &bench.image(&[tar("base"), tar("app")], "A=1", &["app:dev"]),
        &[],
    );
    bench.requests();
    let image = bench.image(&[tar("base"), tar("app2")], "A=1", &["app:dev"]);
    let finished = bench.load(&image, &["--progress=plain"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let requests = bench.docker.take_requests();
    assert_eq!(requests.len(), 4);
    assert!(
        requests[3].body_bytes < 100_000 + (64 << 10),
        "{requests:?}"
    );
    assert_eq!(bench.docker.store().name("app:dev"), Some(image.id));
    assert_eq!(
        report(&finished, "/layers"),
        serde_json::json!({"total": 2, "present": 1, "sent": 1})
    );
    assert!(
        finished.stderr.starts_with("sending 1 of 2 layers, "),
        "{}",
        finished.stderr
    );
    assert!(
        finished
            .stderr
            .contains("loaded app:dev: 1 of 2 layers sent, "),
        "{}",
        finished.stderr
    );
}

#[test]
fn layers_that_only_containers_hold_are_not_sent() {
    let bench = Bench::new();
    let image = bench.image(&[tar("base"), tar("app")], "A=1", &["app:dev"]);
    bench.load(&image, &[]);
    bench.docker.change_store(|store| store.remove_images());
    let finished = bench.load(&image, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        report(&finished, "/layers"),
        serde_json::json!({"total": 2, "present": 2, "sent": 0})
    );
}

#[test]
fn a_name_that_stands_for_another_image_moves() {
    let bench = Bench::new();
    let image = bench.image(&[tar("base")], "A=1", &["app:dev"]);
    bench
        .docker
        .change_store(|store| store.set_name("app:dev", Digest::of(b"old")));
    assert_eq!(bench.load(&image, &[]).code, Some(0));
    assert_eq!(bench.docker.store().name("app:dev"), Some(image.id));
    bench
        .docker
        .change_store(|store| store.set_name("app:dev", Digest::of(b"old")));
    bench.requests();
    let finished = bench.load(&image, &[]);
    assert_eq!(bench.requests().len(), 3);
    assert_eq!(
        report(&finished, "/layers"),
        serde_json::json!({"total": 1, "present": 1, "sent": 0})
    );
    assert_eq!(bench.docker.store().name("app:dev"), Some(image.id));
}

#[test]
fn a_further_name_costs_no_upload() {
    let bench = Bench::new();
    bench.load(&bench.image(&[tar("base")], "A=1", &["app:dev"]), &[]);
    bench.requests();
    let image = bench.image(&[tar("base")], "A=1", &["app:two", "app:dev"]);
    let finished = bench.load(&image, &[]);
    assert_eq!(report(&finished, "/outcome"), "unchanged");
    let requests = bench.requests();
    let uploads = requests.iter().filter(|request| request.contains("/load"));
    assert_eq!(uploads.count(), 0, "{requests:?}");
    assert_eq!(bench.docker.store().name("app:two"), Some(image.id));
}

#[test]
fn only_the_names_that_are_missing_are_given() {
    let bench = Bench::new();
    bench.load(&bench.image(&[tar("base")], "A=1", &["app:dev"]), &[]);
    bench.requests();
    let image = bench.image(&[tar("base")], "A=1", &["app:dev", "app:two"]);
    let finished = bench.load(&image, &[]);
    assert_eq!(report(&finished, "/outcome"), "unchanged");
    assert_eq!(bench.requests().len(), 3);
    assert_eq!(bench.docker.store().name("app:two"), Some(image.id));
}

#[test]
fn a_layer_may_occur_twice() {
    let bench = Bench::new();
    let image = bench.image(
        &[tar("same"), tar("other"), tar("same")],
        "A=1",
        &["app:dev"],
    );
    let finished = bench.load(&image, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        bench.docker.store().image(&image.id),
        Some(&image.diff_ids[..])
    );
    let sent = report(&finished, "/bytes_sent").as_u64().unwrap();
    assert!(
        (200_000..300_000).contains(&sent),
        "the layer was sent twice: {sent}"
    );
}

#[test]
fn an_image_without_layers_is_loaded_by_the_probe() {
    let bench = Bench::new();
    let image = bench.image(&[], "A=1", &["app:dev"]);
    assert_eq!(bench.load(&image, &[]).code, Some(0));
    assert_eq!(bench.docker.store().name("app:dev"), Some(image.id));
}

#[test]
fn an_image_without_a_name_is_looked_up_by_its_id() {
    let bench = Bench::new();
    let image = bench.image(&[tar("base")], "A=1", &[]);
    let finished = bench.load(&image, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(finished.stdout, format!("{}\n", image.id));
    assert_eq!(report(&bench.load(&image, &[]), "/outcome"), "unchanged");
}

#[test]
fn names_of_the_command_line_are_added() {
    let bench = Bench::new();
    let image = bench.image(&[tar("base")], "A=1", &["app:dev"]);
    let finished = bench.load(
        &image,
        &["--tag=app:mine", "--tag=docker.io/library/app:dev"],
    );
    assert_eq!(finished.stdout, "app:dev\napp:mine\n");
    assert_eq!(bench.docker.store().name("app:mine"), Some(image.id));
}

#[test]
fn layers_of_a_layout_are_inflated_on_the_way() {
    let bench = Bench::new();
    let blob = |name, compression| LayerFile::Blob(layer_tar(name, 700_000).unwrap(), compression);
    let layers = [
        blob("gzip", Compression::Gzip),
        blob("zstd", Compression::Zstd),
        blob("plain", Compression::None),
        tar("app"),
    ];
    let image = bench.image(&layers, "A=1", &["app:dev"]);
    let finished = bench.load(&image, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        bench.docker.store().image(&image.id),
        Some(&image.diff_ids[..])
    );
}

#[test]
fn layers_that_vanish_after_the_probe_are_sent_too() {
    let bench = Bench::new();
    bench.load(
        &bench.image(&[tar("base"), tar("lib")], "A=1", &["app:dev"]),
        &[],
    );
    let image = bench.image(&[tar("base"), tar("lib"), tar("app")], "A=1", &["app:dev"]);
    bench.docker.inject(Fault::PruneAfterProbe { keep: 1 });
    let finished = bench.load(&image, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        report(&finished, "/layers"),
        serde_json::json!({"total": 3, "present": 1, "sent": 2})
    );
    assert!(
        finished
            .stderr
            .contains("note: the engine lost layer 2 of 3"),
        "{}",
        finished.stderr
    );
}

#[test]
fn an_engine_that_prints_no_id_is_asked_for_it() {
    let bench = Bench::new();
    let image = bench.image(&[tar("base")], "A=1", &["app:dev"]);
    bench.docker.inject(Fault::NoId);
    let finished = bench.load(&image, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(report(&finished, "/requests"), 8);
}

#[test]
fn the_verb_can_be_named_instead() {
    let bench = Bench::new();
    let image = bench.image(&[tar("base")], "A=1", &["app:dev"]);
    let delivery = image.executable().with_extension("delivery.json");
    let output = std::process::Command::new(BINARY)
        .arg("load")
        .arg(format!("--delivery={}", delivery.display()))
        .arg(format!("--host={}", bench.docker.host()))
        .env(
            "RUNFILES_DIR",
            image.executable().with_extension("runfiles"),
        )
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
