//! Tests of `load-facts`.
#![allow(clippy::unwrap_used)]

mod workbench;

use serde_json::json;
use stevedore_image::description::ImageDescription;
use stevedore_image::digest::Digest;
use stevedore_image::load_manifest::LoadManifest;
use workbench::assert_contains;
use workbench::image::bench_with_image;

#[test]
fn a_load_is_told_from_descriptions_alone() {
    let bench = bench_with_image();
    bench.write("tags", "app:dev\nghcr.io/x/app:1\n");
    bench.write("none", "");
    let only = [
        "load-facts",
        "--label=//app:load",
        "--output=load.json",
        "--",
        "--image=//app:top",
        "--description=top.description",
        "--tags=tags",
    ];
    bench.succeed(&only);
    let facts = bench.json("load.json");
    let config = Digest::of(&bench.read("top.config")).to_string();
    let description = bench.read("top.description");
    let description = ImageDescription::parse("top".as_ref(), &description).unwrap();
    let manifest = LoadManifest::of_blobs(&description).unwrap();
    let expected = |label: &str| {
        json!({"label": label, "image_id": config, "config_digest": config,
            "manifest_digest": manifest.descriptor().digest,
            "references": ["app:dev", "ghcr.io/x/app:1"], "platform": "linux/amd64"})
    };
    assert_eq!(facts["images"], json!([expected("//app:top")]));
    let mut top = expected("//app:load");
    top["images"] = facts["images"].clone();
    assert_eq!(facts, top);

    let second = [
        "--image=//app:base",
        "--description=base.description",
        "--tags=none",
    ];
    bench.succeed(&[&only[..], &second].concat());
    let facts = bench.json("load.json");
    assert_eq!(facts.get("image_id"), None);
    assert_eq!(facts["images"][1]["references"], json!([]));
}

#[test]
fn what_cannot_be_used_is_named() {
    let bench = bench_with_image();
    bench.write("tags", "App\n");
    let said = bench.fail(&[
        "load-facts",
        "--label=//app:load",
        "--output=load.json",
        "--",
        "--image=//app:top",
        "--description=top.description",
        "--tags=tags",
    ]);
    let parts = [
        "failed to describe the load `//app:load`",
        "`//app:top`",
        "`App`",
    ];
    assert_contains(&said, &parts);
}
