//! Tests of configs on another base.

use serde_json::json;

use super::super::tests::{base, layer, parsed};
use super::*;
use crate::digest::Digest;

/// A base with layers and history entries, where `-` is of no layer.
fn based(layers: &[&str], history: &[&str], extra: Value) -> Base {
    let digests: Vec<_> = layers
        .iter()
        .map(|name| Digest::of(name.as_bytes()).to_string())
        .collect();
    let history: Vec<_> = history
        .iter()
        .map(|entry| match entry.strip_prefix('-') {
            Some(text) => json!({"created_by": text, "empty_layer": true}),
            None => json!({"created_by": entry}),
        })
        .collect();
    let mut config = json!({
        "architecture": "arm64", "os": "linux", "variant": "v8", "created": "2026-01-31T12:00:00Z",
        "rootfs": {"type": "layers", "diff_ids": digests}, "history": history,
    });
    for (key, value) in extra.as_object().unwrap() {
        config[key] = value.clone();
    }
    base(&config, layers.iter().map(|name| layer(name)).collect())
}

fn told(history: &Value) -> Vec<&str> {
    history
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["created_by"].as_str().unwrap_or("nothing"))
        .collect()
}

#[test]
fn an_image_on_another_base_has_its_layers_and_history_above_those_of_the_base() {
    let cases: [[&[&str]; 4]; 4] = [
        // The histories of the old base, the image, the new base, and the result.
        [
            &["o1", "-cmd"],
            &["o1", "-cmd", "-env", "app"],
            &["n1", "-cmd", "n2"],
            &["n1", "-cmd", "n2", "-env", "app"],
        ],
        [
            &[],
            &["filled in", "app"],
            &["n1", "n2"],
            &["n1", "n2", "app"],
        ],
        [&["o1"], &["o1", "app"], &[], &["nothing", "nothing", "app"]],
        [&["o1"], &[], &["n1"], &["n1", "nothing", "nothing"]],
    ];
    for [old, own, new, expected] in cases {
        let image = based(
            &["old", "app"],
            own,
            json!({"config": {"Env": ["A=1"]}, "os.version": "1"}),
        );
        let old_base = based(&["old"], old, json!({}));
        let new_base = based(
            &["new", "more"],
            new,
            json!({"config": {"Env": ["B=2"]}, "os.features": ["x"]}),
        );
        let (config, description) = parsed(rebase("//app:image", image, &old_base, new_base));
        let expected: Vec<_> = expected
            .iter()
            .map(|entry| entry.trim_start_matches('-'))
            .collect();
        assert_eq!(told(&config["history"]), expected);
        assert_eq!(config["config"], json!({"Env": ["A=1"]}));
        assert_eq!(config["os.features"], json!(["x"]));
        assert_eq!(config.get("os.version"), None);
        assert_eq!(description.layers, ["new", "more", "app"].map(layer));
        assert_eq!(
            config["rootfs"]["diff_ids"],
            json!(["new", "more", "app"].map(|name| Digest::of(name.as_bytes()).to_string()))
        );
    }
}

#[test]
fn what_is_not_of_the_old_base_or_not_for_the_platform_is_refused() {
    let image = || based(&["old", "app"], &[], json!({}));
    let mut for_amd64 = based(&["new"], &[], json!({"architecture": "amd64"}));
    for_amd64.description.platform.architecture = "amd64".to_owned();
    let cases = [
        (
            based(&["older"], &[], json!({})),
            based(&["new"], &[], json!({})),
            "whose layer 0 is",
        ),
        (
            based(&["old", "app", "more"], &[], json!({})),
            based(&["new"], &[], json!({})),
            "it has no layer there",
        ),
        (
            based(&["old"], &[], json!({})),
            for_amd64,
            "`platform` of `//app:image` is `linux/arm64/v8`, but its base has `linux/amd64/v8`",
        ),
    ];
    for (old_base, new_base, expected) in cases {
        let error = rebase("//app:image", image(), &old_base, new_base)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}
