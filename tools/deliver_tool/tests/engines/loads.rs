//! What is sent, and what the engine has then.

use std::path::Path;

use serde_json::Value;
use stevedore_image::compression::Compression;
use stevedore_testing::{layer_tar, Finished, LayerFile, Program};

use crate::bench::{with_graphdrivers, BINARY};

fn bytes_sent(finished: &Finished) -> u64 {
    finished.report["bytes_sent"].as_u64().unwrap()
}

#[test]
fn requests_and_bytes_are_those_of_the_goals() {
    with_graphdrivers(|bench| {
        // Each with one request of detection: `HEAD /_ping`.
        let base = || bench.tar("base", 3_000_000);
        let image = bench.image(&[base(), bench.tar("app", 1_000_000)], "A=1");
        bench.loads(&image, "loaded", bench.first_load(), [2, 0, 2]);
        let unchanged = bench.loads(&image, "unchanged", 1 + 1, [2, 2, 0]);
        assert!(bytes_sent(&unchanged) <= 1024, "{}", unchanged.report);
        let config = bench.image(&[base(), bench.tar("app", 1_000_000)], "A=2");
        let config = bench.loads(&config, "loaded", 1 + 2, [2, 2, 0]);
        assert!(bytes_sent(&config) <= 16 << 10, "{}", config.report);
        let top = bench.image(&[base(), bench.tar("app2", 1_000_000)], "A=2");
        let top = bench.loads(&top, "loaded", 1 + 3, [2, 1, 1]);
        assert!(bytes_sent(&top) <= 1_000_000 + (64 << 10), "{}", top.report);
    });
}

#[test]
fn a_name_moves_to_an_image_that_is_there() {
    with_graphdrivers(|bench| {
        let one = bench.image(&bench.tars(&["one"]), "A=1");
        bench.loads(&one, "loaded", bench.first_load(), [1, 0, 1]);
        let two = bench.image(&bench.tars(&["two"]), "A=2");
        bench.loads(&two, "loaded", 4, [1, 0, 1]);
        let one = bench.image(&bench.tars(&["one"]), "A=1");
        bench.loads(&one, "loaded", 1 + 2, [1, 1, 0]);
        bench.api.remove_image(&two.id.to_string()).unwrap();
    });
}

#[test]
fn an_image_that_is_there_gets_the_name_that_it_lacks() {
    with_graphdrivers(|bench| {
        let image = bench.image(&bench.tars(&["one"]), "A=1");
        let other = format!("stevedore-test-{}:other", bench.unique);
        let mut program = Program::load(Path::new(BINARY), &image, &bench.host()).unwrap();
        program.command().arg(format!("--tag={other}"));
        assert_eq!(program.run().unwrap().code, Some(0));
        bench.api.remove_image(&bench.image_name()).unwrap();
        assert_eq!(bench.api.image_id(&bench.image_name()).unwrap(), None);
        let requests = bench.further_name();
        let named = bench.loads(&image, "unchanged", requests, [1, 1, 0]);
        assert!(bytes_sent(&named) <= 1024, "{}", named.report);
        bench.api.remove_image(&other).unwrap();
    });
}

#[test]
fn a_layer_may_occur_twice() {
    with_graphdrivers(|bench| {
        let image = bench.image(&bench.tars(&["same", "other", "same"]), "A=1");
        let finished = bench.loads(&image, "loaded", bench.first_load(), [3, 0, 3]);
        assert!(
            bytes_sent(&finished) < 500_000,
            "the layer was sent twice: {}",
            finished.report
        );
    });
}

#[test]
fn layers_of_a_layout_are_inflated_on_the_way() {
    with_graphdrivers(|bench| {
        let blob = |name: &str, compression| {
            LayerFile::Blob(
                layer_tar(&format!("{}-{name}", bench.unique), 700_000).unwrap(),
                compression,
            )
        };
        let layers = [
            blob("gzip", Compression::Gzip),
            blob("zstd", Compression::Zstd),
            bench.tar("app", 1000),
        ];
        let image = bench.image(&layers, "A=1");
        bench.loads(&image, "loaded", bench.first_load(), [3, 0, 3]);
    });
}

#[test]
fn layers_that_only_a_container_holds_are_not_sent() {
    with_graphdrivers(|bench| {
        let image = bench.image(&bench.tars(&["base", "app"]), "A=1");
        bench.loads(&image, "loaded", bench.first_load(), [2, 0, 2]);
        let container = bench.make_container(&bench.image_name());
        bench.api.remove_image(&image.id.to_string()).unwrap();
        assert_eq!(bench.api.image_id(&bench.image_name()).unwrap(), None);
        bench.loads(&image, "loaded", bench.first_load() - 1, [2, 2, 0]);
        let path = format!("/containers/{container}?force=1");
        bench.api.call("DELETE", &path, &Value::Null).unwrap();
    });
}
