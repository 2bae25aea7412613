//! Images on a base of which no layer is in a file, and images of an index.

use std::path::Path;

use serde_json::{json, Value};
use stevedore_testing::{
    gzipped, layer_tar, Finished, ImageDraft, ImageFiles, LayerFile, Program, RegistryApi,
    RegistryProxy,
};

use crate::bench::{with_engines, Bench, BINARY};
use crate::node::with_nodes;

/// The variable that names registries, and the one of them that is used.
const VARIABLE: &str = "STEVEDORE_TEST_REGISTRIES";
const REGISTRY: &str = "distribution-2=";

/// A base of two layers in a registry, behind a proxy that counts.
struct Base {
    proxy: RegistryProxy,
    layers: [LayerFile; 2],
    folder: tempfile::TempDir,
}

impl Base {
    fn new(unique: &str) -> Self {
        let list = std::env::var(VARIABLE).unwrap_or_default();
        let address = list
            .split(',')
            .find_map(|entry| entry.strip_prefix(REGISTRY));
        let address = address.unwrap_or_else(|| panic!("no `{REGISTRY}` in {VARIABLE}"));
        let api = RegistryApi::at(address);
        let proxy = RegistryProxy::start(address).unwrap();
        let path = format!("bases/{unique}");
        let layers = [3_000_000, 200_000].map(|size| {
            let tar = layer_tar(&format!("{unique}-{size}"), size).unwrap();
            api.put_blob(&path, &gzipped(&tar).unwrap()).unwrap();
            LayerFile::Pulled(tar, format!("{}/{path}", proxy.address()))
        });
        Self {
            proxy,
            layers,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// An image on the base.
    fn image(&self, bench: &Bench, top: &str) -> ImageFiles {
        let layers = [&self.layers[..], &[bench.tar(top, 100_000)]].concat();
        bench.image(&layers, top)
    }

    /// Loads it, which must do this, and gives how many blobs were fetched, and how many requests that took.
    #[track_caller]
    fn loads(&self, bench: &Bench, image: &ImageFiles, outcome: &str) -> (u64, usize) {
        let finished = self.load(&bench.host(), image);
        assert_eq!(
            finished.code,
            Some(0),
            "{}: {}",
            bench.host(),
            finished.stderr
        );
        assert_eq!(finished.report["outcome"], outcome, "{}", finished.report);
        let layers = bench.api.image_layers(&bench.image_name()).unwrap();
        assert_eq!(layers, json!(image.diff_ids));
        let fetched = finished.report["fetched"]["blobs"].as_u64().unwrap_or(0);
        (fetched, self.proxy.take_requests().len())
    }

    fn load(&self, host: &str, image: &ImageFiles) -> Finished {
        let mut program = Program::load(Path::new(BINARY), image, host).unwrap();
        let cache = self.folder.path();
        program.command().env("STEVEDORE_CACHE", cache);
        program.run().unwrap()
    }
}

#[test]
fn the_layers_of_a_pulled_base_are_fetched_when_the_engine_lacks_them() {
    with_engines(
        |name| !name.contains('@'),
        |bench| {
            let base = Base::new(&bench.unique);
            let first = base.image(bench, "one");
            assert_eq!(base.loads(bench, &first, "loaded"), (2, 2));
            assert_eq!(base.loads(bench, &first, "unchanged"), (0, 0));
            // They are on this machine now.
            bench.api.remove_image(&bench.image_name()).unwrap();
            assert_eq!(base.loads(bench, &first, "loaded"), (0, 0));
            let second = base.image(bench, "two");
            assert_eq!(base.loads(bench, &second, "loaded"), (0, 0));
            // It is whole: the engine can give it away.
            assert!(bench.api.save(&bench.image_name()).unwrap().len() > 3_000_000);
            bench.api.remove_image(&first.id.to_string()).unwrap();
        },
    );
}

#[test]
fn containerd_gets_the_layers_of_a_pulled_base_that_it_lacks() {
    with_nodes(|node| {
        let base = Base::new(&node.namespace);
        let image = |top| {
            let layers = [&base.layers[..], &[node.tar(top, 100_000)]].concat();
            node.image(&layers, top)
        };
        for (top, fetched) in [("one", 2), ("two", 0)] {
            let finished = base.load(&node.host(), &image(top));
            assert_eq!(finished.code, Some(0), "{}", finished.stderr);
            assert_eq!(finished.report["outcome"], "loaded", "{}", finished.report);
            let blobs = finished.report["fetched"]["blobs"].as_u64();
            assert_eq!(blobs.unwrap_or(0), fetched, "{}", finished.report);
        }
    });
}

#[test]
fn a_base_that_cannot_be_fetched_fails_the_load_and_leaves_nothing() {
    with_engines(
        |name| !name.contains('@'),
        |bench| {
            let base = Base::new(&bench.unique);
            let count = bench.api.image_count().unwrap();
            let tar = layer_tar(&format!("{}-nowhere", bench.unique), 1000).unwrap();
            let nowhere = LayerFile::Pulled(tar, format!("{}/nowhere", base.proxy.address()));
            let image = bench.image(&[nowhere, bench.tar("top", 1000)], "A=1");
            let finished = base.load(&bench.host(), &image);
            assert_eq!(finished.code, Some(1), "{}", finished.stderr);
            for text in ["failed to fetch a layer of `//app:image`", "has no blob"] {
                assert!(finished.stderr.contains(text), "{}", finished.stderr);
            }
            bench.is_clean(count);
        },
    );
}

/// An index of two images, the first one for arm64, the second for amd64, loaded under one name.
fn index(bench: &Bench, folder: &Path) -> Vec<ImageFiles> {
    let name = bench.image_name();
    let (arm, amd) = (bench.tars(&["arm"]), bench.tars(&["amd"]));
    let draft = |name_of, layers| ImageDraft {
        name: name_of,
        layers,
        environment: &bench.unique,
        names: &[],
    };
    let images = ImageFiles::write_all(folder, &[draft("arm", &arm), draft("amd", &amd)]).unwrap();
    let description = images[0].file("description.json");
    let text = std::fs::read_to_string(&description).unwrap();
    std::fs::write(description, text.replace("amd64", "arm64")).unwrap();
    let delivery = folder.join("load.delivery.json");
    let mut spec: Value = serde_json::from_slice(&std::fs::read(&delivery).unwrap()).unwrap();
    let content = |image: &Value| image["content"]["image"].clone();
    let both: Vec<Value> = spec["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(content)
        .collect();
    std::fs::write(images[0].file("tags"), &name).unwrap();
    spec["images"] = json!([{"tags": spec["images"][0]["tags"],
        "content": {"index": {"label": "//app:index", "images": both}}}]);
    std::fs::write(delivery, spec.to_string()).unwrap();
    images
}

#[test]
fn of_an_index_the_image_for_the_engine_is_loaded_or_the_one_that_is_asked_for() {
    with_engines(
        |name| !name.contains('@'),
        |bench| {
            let directory = tempfile::tempdir().unwrap();
            let images = index(bench, directory.path());
            let load = |flag: &str| {
                let program = Program::load(Path::new(BINARY), &images[0], &bench.host()).unwrap();
                program.arg(flag).run().unwrap()
            };
            for (flag, image) in [
                ("--progress=plain", &images[1]),
                ("--platform=linux/arm64", &images[0]),
            ] {
                let finished = load(flag);
                assert_eq!(
                    finished.code,
                    Some(0),
                    "{}: {}",
                    bench.host(),
                    finished.stderr
                );
                assert_eq!(
                    bench.api.image_layers(&bench.image_name()).unwrap(),
                    json!(image.diff_ids),
                    "{flag}"
                );
            }
            let finished = load("--platform=linux/s390x");
            assert_eq!(finished.code, Some(1), "{}", finished.stderr);
            for text in [
                "`//app:index`",
                "linux/s390x",
                "linux/arm64",
                "linux/amd64",
                "--platform",
            ] {
                assert!(
                    finished.stderr.contains(text),
                    "no `{text}` in {}",
                    finished.stderr
                );
            }
        },
    );
}
