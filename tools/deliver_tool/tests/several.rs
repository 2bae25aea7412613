//! Several images in one load into a fake Docker: what is sent, what is reported, and what remains after a failure.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use serde_json::{json, Value};
use stevedore_testing::{
    layer_tar, FakeDocker, Fault, Finished, ImageDraft, ImageFiles, LayerFile, Personality, Program,
};

const BINARY: &str = env!("CARGO_BIN_EXE_stevedore-deliver");
const LAYER: usize = 100_000;

/// A fake engine, and two images with the same base and one more layer in common, at different places.
struct Bench {
    docker: FakeDocker,
    directory: tempfile::TempDir,
    images: Vec<ImageFiles>,
}

fn tar(name: &str) -> LayerFile {
    LayerFile::Tar(layer_tar(name, LAYER).unwrap())
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut bench = Self {
            docker: FakeDocker::start(Personality::DOCKER_28).unwrap(),
            images: Vec::new(),
            directory,
        };
        bench.write(&["app:dev", "app:two"], &["db:dev"]);
        bench
    }

    fn write(&mut self, app: &[&str], db: &[&str]) {
        let drafts = [
            ImageDraft {
                name: "app",
                layers: &[tar("base"), tar("lib"), tar("app")],
                environment: "A=1",
                names: app,
            },
            ImageDraft {
                name: "db",
                layers: &[tar("base"), tar("db"), tar("lib")],
                environment: "A=1",
                names: db,
            },
        ];
        self.images = ImageFiles::write_all(self.directory.path(), &drafts).unwrap();
    }

    fn load(&self, arguments: &[&str]) -> Finished {
        let host = self.docker.host();
        let mut program = Program::load(Path::new(BINARY), &self.images[0], &host).unwrap();
        program.command().args(arguments);
        program.run().unwrap()
    }

    fn uploads(&self) -> Vec<usize> {
        let requests = self.docker.take_requests();
        let uploads = requests
            .iter()
            .filter(|request| request.path.contains("/images/load"));
        uploads.map(|request| request.body_bytes).collect()
    }

    /// The engine has both images, whole, under their names.
    #[track_caller]
    fn has_both(&self) {
        let store = self.docker.store();
        for (name, image) in [("app:dev", 0), ("app:two", 0), ("db:dev", 1)] {
            let image = &self.images[image];
            assert_eq!(store.name(name), Some(image.id), "{name}");
            assert_eq!(store.image(&image.id), Some(&image.diff_ids[..]), "{name}");
        }
    }
}

#[track_caller]
fn succeeded(finished: &Finished) {
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}

fn layers(report: &Value) -> [u64; 3] {
    ["total", "present", "sent"].map(|field| report["layers"][field].as_u64().unwrap())
}

#[test]
fn a_layer_that_two_images_have_is_sent_once() {
    let bench = Bench::new();
    let finished = bench.load(&["--progress=plain"]);
    succeeded(&finished);
    bench.has_both();
    assert_eq!(finished.stdout, "app:dev\napp:two\ndb:dev\n");
    // A probe each, and one upload with the four layers that they have.
    let uploads = bench.uploads();
    assert_eq!(uploads.len(), 3, "{uploads:?}");
    assert!(
        (4 * LAYER..5 * LAYER).contains(&uploads[2]),
        "a layer was sent twice: {uploads:?}"
    );
    assert!(
        finished.stderr.starts_with("sending 4 of 6 layers, "),
        "{}",
        finished.stderr
    );
    let report = &finished.report;
    assert_eq!(report["outcome"], "loaded");
    assert_eq!(report["image_id"], Value::Null);
    assert_eq!(
        report["references"],
        json!(["app:dev", "app:two", "db:dev"])
    );
    assert_eq!(layers(report), [6, 2, 4]);
    assert_eq!(layers(&report["images"][0]), [3, 0, 3]);
    assert_eq!(layers(&report["images"][1]), [3, 2, 1]);
    assert_eq!(report["images"][1]["label"], "//app:db");
    assert_eq!(
        report["images"][1]["image_id"],
        bench.images[1].id.to_string()
    );
    assert_eq!(report["images"][1]["references"], json!(["db:dev"]));
}

#[test]
fn images_that_are_there_cost_a_request_each() {
    let bench = Bench::new();
    succeeded(&bench.load(&[]));
    bench.docker.take_requests();
    let finished = bench.load(&[]);
    succeeded(&finished);
    assert_eq!(bench.docker.take_requests().len(), 1 + 2);
    assert_eq!(finished.report["outcome"], "unchanged");
    assert_eq!(layers(&finished.report), [6, 6, 0]);
}

#[test]
fn one_new_image_leaves_the_others_unchanged() {
    let mut bench = Bench::new();
    succeeded(&bench.load(&[]));
    bench.uploads();
    bench.write(&["app:dev", "app:two"], &["db:dev"]);
    let drafts = [
        ImageDraft {
            name: "app",
            layers: &[tar("base"), tar("lib"), tar("app2")],
            environment: "A=1",
            names: &["app:dev", "app:two"],
        },
        ImageDraft {
            name: "db",
            layers: &[tar("base"), tar("db"), tar("lib")],
            environment: "A=1",
            names: &["db:dev"],
        },
    ];
    bench.images = ImageFiles::write_all(bench.directory.path(), &drafts).unwrap();
    let finished = bench.load(&[]);
    succeeded(&finished);
    bench.has_both();
    let uploads = bench.uploads();
    assert!(uploads[1] < 2 * LAYER, "{uploads:?}");
    assert_eq!(finished.report["outcome"], "loaded");
    assert_eq!(finished.report["images"][0]["outcome"], "loaded");
    assert_eq!(finished.report["images"][1]["outcome"], "unchanged");
    assert_eq!(layers(&finished.report), [6, 5, 1]);
}

#[test]
fn images_without_a_name_are_told_by_their_ids() {
    let mut bench = Bench::new();
    bench.write(&[], &[]);
    let finished = bench.load(&[]);
    succeeded(&finished);
    let ids = [bench.images[0].id, bench.images[1].id];
    assert_eq!(finished.stdout, format!("{}\n{}\n", ids[0], ids[1]));
}

#[test]
fn layers_that_vanish_after_the_probes_are_sent_too() {
    let bench = Bench::new();
    let old = bench.directory.path().join("old");
    let base = ImageFiles::write(&old, &[tar("base")], "A=0", &["old:dev"]).unwrap();
    let host = bench.docker.host();
    let program = Program::load(Path::new(BINARY), &base, &host).unwrap();
    succeeded(&program.run().unwrap());
    bench.docker.inject(Fault::PruneAfterProbe { keep: 0 });
    let finished = bench.load(&[]);
    succeeded(&finished);
    bench.has_both();
    assert!(
        finished
            .stderr
            .contains("note: the engine lost layer 1 of 3"),
        "{}",
        finished.stderr
    );
    assert_eq!(layers(&finished.report), [6, 2, 4]);
}

#[test]
fn an_engine_that_prints_no_ids_is_asked_for_them() {
    let bench = Bench::new();
    bench.docker.inject(Fault::NoId);
    succeeded(&bench.load(&[]));
    bench.has_both();
}

#[test]
fn an_image_that_fails_does_not_take_the_others_away() {
    let bench = Bench::new();
    let mut tar = fs::read(bench.images[1].tar(1)).unwrap();
    tar[LAYER / 2] ^= 1;
    fs::write(bench.images[1].tar(1), tar).unwrap();
    let finished = bench.load(&[]);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(
        finished.stderr.contains(
            "error: `//app:load` failed to load `//app:db`\n\
             caused by: the engine refused `//app:db`: a layer's file has changed"
        ),
        "{}",
        finished.stderr
    );
    let store = bench.docker.store();
    assert_eq!(store.name("app:dev"), Some(bench.images[0].id));
    assert_eq!(store.name("db:dev"), None);
    assert_eq!(finished.report["outcome"], "failed");
    assert_ne!(finished.report["images"][0]["outcome"], "failed");
    assert_eq!(finished.report["images"][1]["outcome"], "failed");
}

#[test]
fn an_image_whose_files_are_missing_does_not_take_the_others_away() {
    let bench = Bench::new();
    fs::remove_file(bench.images[1].tar(1)).unwrap();
    let finished = bench.load(&[]);
    assert_eq!(finished.code, Some(4), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("a file of `//app:db` is missing"),
        "{}",
        finished.stderr
    );
    let store = bench.docker.store();
    assert_eq!(store.name("app:dev"), Some(bench.images[0].id));
    assert_eq!(store.name("db:dev"), None);
}

#[test]
fn a_connection_that_breaks_takes_no_name() {
    let bench = Bench::new();
    bench.docker.inject(Fault::CloseAfter { bytes: 2 * LAYER });
    let finished = bench.load(&[]);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(
        finished
            .stderr
            .contains("failed to load `//app:app`, `//app:db`"),
        "{}",
        finished.stderr
    );
    assert_eq!(bench.docker.store().image_count(), 0);
    bench.docker.mend();
    succeeded(&bench.load(&[]));
    bench.has_both();
}

#[test]
fn what_is_for_one_image_is_refused() {
    let mut bench = Bench::new();
    for (arguments, text) in [
        (
            &["--run"][..],
            "`--run` is for one image, but this target delivers 2",
        ),
        (
            &["--tag=a:1"],
            "`--tag` is for one image, but this target delivers 2",
        ),
    ] {
        let finished = bench.load(arguments);
        assert_eq!(finished.code, Some(2), "{}", finished.stderr);
        assert!(finished.stderr.contains(text), "{}", finished.stderr);
    }
    bench.write(&["app", "x:1"], &["db", "docker.io/library/app:latest"]);
    let finished = bench.load(&[]);
    assert_eq!(finished.code, Some(4), "{}", finished.stderr);
    let text = "`app:latest` is a name of `//app:app` and of `//app:db`";
    assert!(finished.stderr.contains(text), "{}", finished.stderr);
}

#[test]
fn eight_loads_of_several_images_cause_one_upload() {
    let bench = Bench::new();
    bench.docker.inject(Fault::SlowReading {
        pause: std::time::Duration::from_millis(100),
    });
    let host = bench.docker.host();
    let mut programs: Vec<_> = (0..8)
        .map(|number| {
            let program = Program::load(Path::new(BINARY), &bench.images[0], &host).unwrap();
            program.reporting_to(&bench.directory.path().join(number.to_string()))
        })
        .collect();
    let children: Vec<_> = programs
        .iter_mut()
        .map(|program| program.start().unwrap())
        .collect();
    let mut sent = 0;
    for (program, child) in programs.iter().zip(children) {
        let finished = program.finish(child.wait_with_output().unwrap()).unwrap();
        succeeded(&finished);
        sent += layers(&finished.report)[2];
    }
    assert_eq!(sent, 4);
    bench.has_both();
}
