//! Tests of the subcommands that make one layer of several.
#![allow(clippy::unwrap_used)]

mod workbench;

use serde_json::json;
use stevedore_image::digest::Digest;
use workbench::image::bench_with_image;
use workbench::{assert_contains, content, listing};

const IMAGE: [&str; 7] = [
    "--label=//app:flat",
    "--image-config=top.config",
    "--image-description=top.description",
    "--base-layout=base.layout",
    "--layer=three.tar",
    "--layer=four.tar",
    "--layer=four.blob",
];

#[test]
fn layers_of_a_layout_and_of_files_become_one_with_its_config() {
    let bench = bench_with_image();
    let outputs = [
        "flatten",
        "--description=flat.json",
        "--tar=flat.tar",
        "--blob=flat.blob",
        "--blob-description=flat.blob.json",
        "--compression=zstd",
    ];
    bench.succeed(&[&outputs[..], &IMAGE].concat());
    let flat = bench.read("flat.tar");
    for name in ["one", "two", "three", "four"] {
        let layer = bench.read(&format!("{name}.tar"));
        for line in listing(&layer) {
            assert!(listing(&flat).contains(&line), "{line}");
            if let Some(path) = line
                .strip_prefix("f ")
                .and_then(|line| line.rsplit(' ').next())
            {
                assert_eq!(content(&flat, path), content(&layer, path));
            }
        }
    }
    assert_eq!(
        bench.json("flat.json")["diff_id"],
        Digest::of(&flat).to_string()
    );

    bench.succeed(&[
        "flatten-config",
        IMAGE[0],
        IMAGE[1],
        IMAGE[2],
        "--layer=flat.json",
        "--config=flat.config",
        "--description=flat.description",
    ]);
    let config = bench.json("flat.config");
    let original = bench.json("top.config");
    assert_eq!(config["config"], original["config"]);
    assert_eq!(config["created"], original["created"]);
    assert_eq!(
        config["rootfs"]["diff_ids"],
        json!([Digest::of(&flat).to_string()])
    );
    assert_eq!(config["history"][0]["comment"], "layers made one: 5");
    assert_eq!(
        bench.json("flat.description")["config"]["digest"],
        Digest::of(&bench.read("flat.config")).to_string()
    );
}

#[test]
fn a_layer_that_is_missing_is_an_error() {
    let bench = bench_with_image();
    let message = bench.fail(&[&["flatten", "--tar=flat.tar"], &IMAGE[..3]].concat());
    assert_contains(&message, &["failed to make the layer `//app:flat`"]);
}
