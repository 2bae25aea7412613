//! Tests of `index` and `index-layout`.
#![allow(clippy::unwrap_used)]

mod workbench;

use std::fs;

use serde_json::json;
use stevedore_image::digest::Digest;
use workbench::image::{bench_with_image, image, SPEC};
use workbench::{assert_contains, Workbench};

const SPEC_OF_INDEX: &str = r#"--spec={"label":"//app:index","annotations":{"a":"b"}}"#;

/// Two images: `top` on a base, and `arm` with two of its layers.
fn bench_with_images() -> Workbench {
    let bench = bench_with_image();
    let spec = SPEC.replace("amd64", "arm64");
    image(&bench, "arm", &spec, None, &["one", "four"]);
    bench
}

/// The arguments of an index of images.
fn arguments(images: &[String]) -> Vec<&str> {
    let mut arguments = vec![
        "index",
        SPEC_OF_INDEX,
        "--index=index.json",
        "--digest=index.digest",
        "--",
    ];
    arguments.extend(images.iter().map(String::as_str));
    arguments
}

fn members(names: &[&str]) -> Vec<String> {
    let member = |name: &&str| {
        [
            format!("--image=//app:{name}"),
            format!("--manifest={name}.manifest"),
            format!("--config={name}.config"),
        ]
    };
    names.iter().flat_map(member).collect()
}

#[test]
fn an_index_tells_what_every_image_is_for() {
    let bench = bench_with_images();
    bench.succeed(&arguments(&members(&["top", "arm"])));
    let index = bench.json("index.json");
    assert_eq!(
        index["mediaType"],
        "application/vnd.oci.image.index.v1+json"
    );
    assert_eq!(index["annotations"], json!({"a": "b"}));
    for (place, name, architecture) in [(0, "top", "amd64"), (1, "arm", "arm64")] {
        let manifest = bench.read(&format!("{name}.manifest"));
        assert_eq!(
            index["manifests"][place],
            json!({
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": Digest::of(&manifest),
                "size": manifest.len(),
                "platform": {"architecture": architecture, "os": "linux"},
            })
        );
    }
    assert_eq!(
        bench.text("index.digest"),
        Digest::of(&bench.read("index.json")).to_string()
    );
}

#[test]
fn images_that_cannot_be_in_one_index_are_refused() {
    let bench = bench_with_images();
    let message = bench.fail(&arguments(&members(&["top", "arm", "first"])));
    assert_contains(
        &message,
        &[
            "error: failed to make the index `//app:index`\n",
            "`//app:top` and `//app:first` are both for `linux/amd64`",
        ],
    );
    let mut mixed = members(&["top"]);
    mixed[2] = "--config=arm.config".to_owned();
    let message = bench.fail(&arguments(&mixed));
    assert_contains(
        &message,
        &[
            "the image `//app:top` cannot be part of it",
            "`arm.config` (the config of `top.manifest`) is not what it is described as",
        ],
    );
}

/// The arguments of a layout of an index with `top` and `arm`, in an order.
fn layout(output: &'static str, order: [usize; 2]) -> Vec<&'static str> {
    let images: [&[&str]; 2] = [
        &[
            "--image=//app:top",
            "--manifest=top.manifest",
            "--config=top.config",
            "--base-layout=base.layout",
            "--blob=three.blob",
            "--blob=four.blob",
            "--blob=four.blob",
        ],
        &[
            "--image=//app:arm",
            "--manifest=arm.manifest",
            "--config=arm.config",
            "--blob=one.blob",
            "--blob=four.blob",
        ],
    ];
    let start = ["index-layout", "--label=//app:index", "--index=index.json"];
    let images = order.map(|place| images[place]).concat();
    [&start[..], &[output, "--"], &images].concat()
}

#[test]
fn a_layout_has_every_blob_once() {
    let bench = bench_with_images();
    bench.succeed(&arguments(&members(&["top", "arm"])));
    bench.succeed(&layout("--output=layout", [0, 1]));
    let index = bench.read("index.json");
    assert_eq!(
        bench.json("layout/index.json")["manifests"],
        json!([{
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "digest": Digest::of(&index),
            "size": index.len(),
        }])
    );
    let mut blobs = 0;
    for entry in fs::read_dir(bench.path("layout/blobs/sha256")).unwrap() {
        let path = entry.unwrap().path();
        let digest = Digest::of(&fs::read(&path).unwrap());
        assert_eq!(path.file_name().unwrap().to_str().unwrap(), digest.hex());
        blobs += 1;
    }
    // The index, two manifests, two configs, four layers.
    assert_eq!(blobs, 9);
    let message = bench.fail(&layout("--output=other", [1, 0]));
    assert_contains(
        &message,
        &[
            "error: failed to write the layout of `//app:index`\n",
            "make the index of these images",
        ],
    );
}

/// The arguments of an archive that has one image of an index.
fn archive_arguments(platform: &str) -> Vec<String> {
    let image = |name: &str, files: &[&str]| {
        let mut arguments = vec![
            format!("--image=//app:{name}"),
            "--index=//app:index".to_owned(),
            format!("--config={name}.config"),
            format!("--description={name}.description"),
        ];
        arguments.extend(files.iter().map(|file| (*file).to_owned()));
        arguments
    };
    [
        vec![
            "docker-archive".to_owned(),
            "--label=//app:load".to_owned(),
            "--output=app.tar".to_owned(),
            format!("--platform={platform}"),
            "--".to_owned(),
        ],
        image(
            "top",
            &[
                "--base-layout=base.layout",
                "--tar=three.tar",
                "--tar=four.tar",
                "--tar=four.tar",
            ],
        ),
        image("arm", &["--tar=one.tar", "--tar=four.tar"]),
    ]
    .concat()
}

#[test]
fn an_archive_has_the_image_of_an_index_for_the_platform() {
    let bench = bench_with_images();
    for (platform, name, layers) in [("linux/amd64", "top", 5), ("linux/arm64/v8", "arm", 2)] {
        let arguments = archive_arguments(platform);
        bench.succeed(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let manifest = workbench::content(&bench.read("app.tar"), "manifest.json");
        let items: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        let config = Digest::of(&bench.read(&format!("{name}.config")));
        assert_eq!(items.as_array().unwrap().len(), 1);
        assert_eq!(items[0]["Config"], format!("{}.json", config.hex()));
        assert_eq!(items[0]["Layers"].as_array().unwrap().len(), layers);
    }
}

#[test]
fn an_archive_of_an_index_without_the_platform_is_refused() {
    let bench = bench_with_images();
    let arguments = archive_arguments("linux/s390x");
    let message = bench.fail(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_contains(
        &message,
        &[
            "`//app:load`",
            "`//app:index`",
            "`linux/s390x`",
            "`linux/amd64`, `linux/arm64`",
            "`--platforms`",
        ],
    );
}
