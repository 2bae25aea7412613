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

fn manifest(archive: ArchivePlan) -> serde_json::Value {
    let manifest = members(archive, &[]).swap_remove(0).1;
    serde_json::from_slice(&manifest).unwrap()
}

#[test]
fn an_upload_names_the_last_image_a_second_time_without_names() {
    let layers = [LayerDescription::new(Content::of(b"layer"))];
    let references = ["app:dev".parse().unwrap()];
    let image = ArchivedImage {
        config: b"{}",
        references: &references,
        layers: &layers,
    };
    let one = manifest(plan_upload(&[image], |_| false).unwrap());
    assert_eq!(one[0]["RepoTags"], serde_json::json!(["app:dev"]));
    assert_eq!(one[1]["RepoTags"], serde_json::json!([]));
    assert_eq!(one[0]["Layers"], one[1]["Layers"]);
    let nameless = ArchivedImage {
        references: &[],
        ..image
    };
    let two = manifest(plan_upload(&[image, nameless], |_| false).unwrap());
    assert_eq!(two.as_array().map(Vec::len), Some(2));
}

#[test]
fn a_layer_that_two_images_have_comes_once() {
    let tars: [&[u8]; 5] = [b"base", b"lib", b"base", b"app", b"lib"];
    let layers = tars.map(|bytes| LayerDescription::new(Content::of(bytes)));
    let references = ["app:dev", "db:dev"].map(|name| vec![name.parse().unwrap()]);
    let images = [
        ArchivedImage {
            config: b"{}",
            references: &references[0],
            layers: &layers[..2],
        },
        ArchivedImage {
            config: b"[]",
            references: &references[1],
            layers: &layers[2..],
        },
    ];
    // The engine has the base, and nothing on it.
    let archive = plan_upload(&images, |place| ![0, 2].contains(&place)).unwrap();
    let path = |place: usize| layer_path(place, layers[place].diff_id);
    let members = members(archive, &tars);
    let items: serde_json::Value = serde_json::from_slice(&members[0].1).unwrap();
    assert_eq!(items[0]["Layers"], serde_json::json!([path(0), path(1)]));
    assert_eq!(
        items[1]["Layers"],
        serde_json::json!([path(2), path(3), path(1)])
    );
    let names: Vec<&str> = members[3..].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [path(1), path(3)]);
    assert_eq!(locate(&images, 1), (0, 1));
    assert_eq!(locate(&images, 2), (1, 0));
    assert_eq!(locate(&images, 4), (1, 2));
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
