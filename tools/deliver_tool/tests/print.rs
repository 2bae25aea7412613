//! What a load prints on standard output.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use serde_json::{json, Value};
use stevedore_testing::{
    layer_tar, FakeDocker, ImageDraft, ImageFiles, LayerFile, Personality, Program,
};

const BINARY: &str = env!("CARGO_BIN_EXE_stevedore-deliver");

/// What is printed of images with these names, and the images.
fn printed(
    personality: Personality,
    names: &[&[&str]],
    flag: &str,
) -> (String, Value, Vec<ImageFiles>) {
    let directory = tempfile::tempdir().unwrap();
    let docker = FakeDocker::start(personality).unwrap();
    let layers = [LayerFile::Tar(layer_tar("base", 1000).unwrap())];
    let labels: Vec<String> = (0..names.len())
        .map(|number| format!("image{number}"))
        .collect();
    let drafts = names.iter().zip(&labels).map(|(names, name)| ImageDraft {
        name,
        layers: &layers,
        environment: name,
        names,
    });
    let drafts: Vec<_> = drafts.collect();
    let images = ImageFiles::write_all(directory.path(), &drafts).unwrap();
    let program = Program::load(Path::new(BINARY), &images[0], &docker.host()).unwrap();
    let finished = program.arg(flag).run().unwrap();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    (finished.stdout, finished.report, images)
}

#[test]
fn a_line_an_image_with_what_was_asked_for() {
    let names: &[&[&str]] = &[&["app:dev", "app:two"], &[]];
    let (text, _, images) = printed(Personality::DOCKER_28, names, "--print=id");
    assert_eq!(text, format!("{}\n{}\n", images[0].id, images[1].id));
    let (text, _, images) = printed(Personality::DOCKER_28, names, "--print=reference");
    assert_eq!(text, format!("app:dev\n{}\n", images[1].id));
    let (text, _, images) = printed(Personality::DOCKER_28, names, "--progress=none");
    assert_eq!(text, format!("app:dev\napp:two\n{}\n", images[1].id));
}

#[test]
fn json_tells_the_engines_own_id() {
    for personality in [Personality::DOCKER_28, Personality::DOCKER_28_CONTAINERD] {
        let (text, report, images) = printed(personality, &[&["app:dev"]], "--print=json");
        assert_eq!(text.lines().count(), 1);
        let found: Value = serde_json::from_str(&text).unwrap();
        let config = images[0].id.to_string();
        assert_eq!(found["image_id"], report["image_id"]);
        assert_eq!(found["config_digest"], config);
        match personality.has_containerd_store {
            true => assert_eq!(found["image_id"], found["manifest_digest"]),
            false => assert_eq!(found["image_id"], config),
        }
        assert_eq!(found["label"], "//app:load");
        assert_eq!(found["references"], json!(["app:dev"]));
        assert_eq!(found["platform"], "linux/amd64");
        assert_eq!(found["images"][0]["label"], "//app:image0");
    }
    let names: &[&[&str]] = &[&["a:1"], &["b:1"]];
    let (text, _, _) = printed(Personality::DOCKER_28, names, "--print=json");
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found.get("image_id"), None);
    assert_eq!(found["images"][1]["references"], json!(["b:1"]));
}
