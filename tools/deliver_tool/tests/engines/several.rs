//! Several images in one load: what they share is sent once, whatever the engine.

use std::path::Path;

use serde_json::json;
use stevedore_testing::{Finished, ImageDraft, ImageFiles, Program};

use crate::bench::{with_engines, Bench, BINARY};

/// Two images with the same base and one more layer in common, at different places.
struct Pair {
    names: [String; 2],
    images: Vec<ImageFiles>,
    _directory: tempfile::TempDir,
}

impl Pair {
    fn new(bench: &Bench) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let names = ["one", "two"].map(|tag| format!("stevedore-test-{}:{tag}", bench.unique));
        let drafts = [
            ImageDraft {
                name: "one",
                layers: &bench.tars(&["base", "lib", "one"]),
                environment: &bench.unique,
                names: &[&names[0]],
            },
            ImageDraft {
                name: "two",
                layers: &bench.tars(&["base", "two", "lib"]),
                environment: &bench.unique,
                names: &[&names[1]],
            },
        ];
        let images = ImageFiles::write_all(directory.path(), &drafts).unwrap();
        Self {
            names,
            images,
            _directory: directory,
        }
    }

    fn load(&self, bench: &Bench) -> Finished {
        let program = Program::load(Path::new(BINARY), &self.images[0], &bench.host()).unwrap();
        program.run().unwrap()
    }

    /// Loads both; that must succeed, with so many layers sent.
    #[track_caller]
    fn loads(&self, bench: &Bench, outcome: &str, sent: u64) {
        let finished = self.load(bench);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert_eq!(finished.report["outcome"], outcome, "{}", finished.report);
        if sent == 0 || !bench.reads_from_disk(&finished) {
            assert_eq!(
                finished.report["layers"],
                json!({"total": 6, "present": 6 - sent, "sent": sent}),
                "{}",
                finished.report
            );
        }
        assert!(
            finished.report["bytes_sent"].as_u64().unwrap() < 200_000 * sent + 200_000,
            "a layer was sent twice: {}",
            finished.report
        );
        for (name, image) in self.names.iter().zip(&self.images) {
            let layers = bench.api.image_layers(name).unwrap();
            assert_eq!(layers, json!(image.diff_ids), "{name}");
        }
    }

    fn remove(&self, bench: &Bench) {
        for name in &self.names {
            bench.api.remove_image(name).unwrap();
        }
    }
}

#[test]
fn a_layer_that_two_images_have_is_sent_once() {
    with_engines(
        |name| !name.contains('@'),
        |bench| {
            let pair = Pair::new(bench);
            pair.loads(bench, "loaded", 4);
            pair.loads(bench, "unchanged", 0);
            // What one of them has lost comes from the other one.
            bench.api.remove_image(&pair.names[1]).unwrap();
            let again = pair.load(bench);
            assert_eq!(again.code, Some(0), "{}", again.stderr);
            assert_eq!(again.report["images"][0]["outcome"], "unchanged");
            pair.loads(bench, "unchanged", 0);
            pair.remove(bench);
        },
    );
}

#[test]
fn an_image_that_fails_does_not_take_the_other_one_away() {
    with_engines(
        |name| !name.contains('@'),
        |bench| {
            let pair = Pair::new(bench);
            let file = pair.images[1].tar(1);
            let good = std::fs::read(&file).unwrap();
            std::fs::remove_file(&file).unwrap();
            let finished = pair.load(bench);
            assert_eq!(finished.code, Some(4), "{}", finished.stderr);
            assert!(
                finished.stderr.contains("failed to load `//app:two`\n"),
                "{}",
                finished.stderr
            );
            let id = bench.api.image_id(&pair.names[0]).unwrap();
            assert!(id.is_some(), "the first one is not there");
            assert_eq!(bench.api.image_id(&pair.names[1]).unwrap(), None);
            std::fs::write(&file, good).unwrap();
            let finished = pair.load(bench);
            assert_eq!(finished.code, Some(0), "{}", finished.stderr);
            pair.loads(bench, "unchanged", 0);
            pair.remove(bench);
        },
    );
}
