//! Images that are imported from archives and from loose files.
#![allow(clippy::unwrap_used)]

mod workbench;

use std::fs;

use stevedore_image::digest::Digest;

use workbench::image::bench_with_image;
use workbench::Workbench;

/// Writes `top.tar`, an archive of the image `top`, with tags.
fn bench_with_archive() -> Workbench {
    let bench = bench_with_image();
    bench.write("tags", "app:dev\nr.io/app:1\n");
    bench.succeed(&[
        "docker-archive",
        "--label=//app:image",
        "--output=top.tar",
        "--",
        "--image=//app:image",
        "--config=top.config",
        "--description=top.description",
        "--base-layout=base.layout",
        "--tar=three.tar",
        "--tar=four.tar",
        "--tar=four.tar",
        "--tags=tags",
    ]);
    bench
}

const IMPORT: [&str; 7] = [
    "import",
    "--label=//app:imported",
    "--config=new.config",
    "--manifest=new.manifest",
    "--description=new.description",
    "--digest=new.digest",
    "--archive=top.tar",
];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    IMPORT.iter().chain(more).copied().collect()
}

#[test]
fn an_archive_is_imported_as_the_image_that_it_was_made_of() {
    let bench = bench_with_archive();
    bench.succeed(&with(&[
        "--tag=docker.io/library/app:dev",
        "--output=new.layout",
    ]));
    let read = |name: &str| fs::read(bench.path(name)).unwrap();
    assert_eq!(read("new.config"), read("top.config"));
    let digest = Digest::of(&read("new.manifest")).to_string();
    assert_eq!(read("new.digest"), digest.as_bytes());
    let diff_ids = |name: &str| {
        let layers = bench.json(name)["layers"].as_array().unwrap().clone();
        layers
            .iter()
            .map(|layer| layer["diff_id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(diff_ids("new.description"), diff_ids("top.description"));
}

#[test]
fn an_import_of_an_archive_that_fails_leaves_nothing() {
    let bench = bench_with_archive();
    let message = bench.fail(&with(&["--tag=app:other", "--output=new.layout"]));
    let start = "error: failed to import `top.tar` of `//app:imported`\ncaused by: ";
    assert!(message.starts_with(start), "{message}");
    assert!(
        message.contains("it has `app:dev`, `r.io/app:1`"),
        "{message}"
    );
    for name in ["new.layout", "new.config", "new.description"] {
        assert!(!bench.path(name).exists(), "{name}");
    }
}

#[test]
fn an_archive_needs_an_output_and_a_layout_has_none() {
    let bench = bench_with_archive();
    for arguments in [
        with(&[]),
        with(&["--output=x", "--layout=base.layout"]),
        with(&["--output=x", "--platform=linux"]),
    ] {
        assert_eq!(bench.run(&arguments).status.code(), Some(2));
    }
}

#[test]
fn a_config_and_its_layers_are_an_image() {
    let bench = bench_with_image();
    let import = |layers: &[&str]| {
        let layers = layers.iter().map(|name| format!("--layer={name}.json"));
        let arguments: Vec<String> = ["import-config", "--label=//app:imported"]
            .map(str::to_owned)
            .into_iter()
            .chain(layers)
            .chain(
                [
                    "--config=first.config",
                    "--repository=r.io/app",
                    "--description=new",
                ]
                .map(str::to_owned),
            )
            .collect();
        bench.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert!(import(&["one", "two"]).status.success());
    assert_eq!(
        bench.json("new")["config"],
        bench.json("first.description")["config"]
    );
    assert_eq!(bench.json("new")["layers"][1]["repository"], "r.io/app");
    let output = import(&["two", "one"]);
    let message = String::from_utf8(output.stderr).unwrap();
    let start =
        "error: failed to import the config `first.config` of `//app:imported`\ncaused by: ";
    assert!(message.starts_with(start), "{message}");
    assert!(message.contains("wants layer 0 to be"), "{message}");
}
