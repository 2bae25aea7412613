//! Tests of archives as the `tar` crate reads them.

use super::*;
use crate::archive_plan::tests::members;
use crate::digest::Content;

#[test]
fn a_layer_may_be_left_out_and_may_occur_twice() {
    let layers: [&[u8]; 3] = [b"base", b"same", b"same"];
    let described = layers.map(|bytes| LayerDescription::new(Content::of(bytes)));
    let references = ["docker.io/library/app:dev".parse().unwrap()];
    let archive = plan(b"{}", &references, &described, |index| index > 0).unwrap();
    let members = members(archive, &layers);
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    let config = format!("{}.json", Digest::of(b"{}").hex());
    let paths: Vec<String> = (0..3)
        .map(|index| layer_path(index, described[index].diff_id))
        .collect();
    assert_eq!(names, ["manifest.json", &config, &paths[1]]);
    assert_eq!(members[1].1, b"{}");
    assert_eq!(members[2].1, b"same");
    let manifest: serde_json::Value = serde_json::from_slice(&members[0].1).unwrap();
    let expected = [&paths[0], &paths[1], &paths[1]];
    assert_eq!(
        manifest,
        serde_json::json!([{"Config": config, "RepoTags": ["app:dev"], "Layers": expected}])
    );
}

#[test]
fn an_upload_names_the_image_a_second_time_without_names() {
    let described = [LayerDescription::new(Content::of(b"layer"))];
    let references = ["app:dev".parse().unwrap()];
    let archive = plan_upload(b"{}", &references, &described, |_| false).unwrap();
    let manifest = members(archive, &[]).swap_remove(0).1;
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest[0]["RepoTags"], serde_json::json!(["app:dev"]));
    assert_eq!(manifest[1]["RepoTags"], serde_json::json!([]));
    assert_eq!(manifest[0]["Layers"], manifest[1]["Layers"]);
    let nameless = plan_upload(b"{}", &[], &described, |_| false).unwrap();
    let manifest = members(nameless, &[]).swap_remove(0).1;
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest.as_array().map(Vec::len), Some(1));
}

#[test]
fn an_image_without_layers_has_an_archive() {
    let archive = plan(b"{}", &[], &[], |_| true).unwrap();
    assert_eq!(members(archive, &[]).len(), 2);
}

#[test]
fn the_engines_message_tells_the_layer() {
    let digest = Digest::of(b"layer");
    let message = format!(
        "open /var/lib/docker/tmp/docker-import-1/{}: no such file or directory",
        layer_path(12, digest)
    );
    assert_eq!(find_layer_path(&message), Some((12, digest)));
    assert_eq!(find_layer_path("open layer-x-y.tar: no such file"), None);
}
