//! Makes layers and images in a workbench.

use serde_json::json;

use super::Workbench;

/// A spec of a config.
pub(crate) const SPEC: &str = r#"{"label":"//app:image","target_os":"linux","target_architecture":"amd64","entrypoint":["/app"]}"#;

/// Makes the files of a layer: `NAME.tar`, `NAME.json`, `NAME.blob`, `NAME.blob.json`.
pub(crate) fn layer(bench: &Workbench, name: &str, compression: &str) {
    bench.write("content", name);
    let lines = [
        json!({"place": {"path": "/content", "label": "//app:content"}}),
        json!({"file": "content", "to": name}),
    ];
    bench.recipe(json!({}), &lines);
    bench.succeed(&[
        "layer",
        "--inputs=layer.jsonl",
        &format!("--tar={name}.tar"),
        &format!("--description={name}.json"),
        &format!("--blob={name}.blob"),
        &format!("--blob-description={name}.blob.json"),
        &format!("--compression={compression}"),
    ]);
}

/// Makes the files of an image: `NAME.config`, `NAME.description`, `NAME.manifest`, `NAME.digest`.
pub(crate) fn image(
    bench: &Workbench,
    name: &str,
    spec: &str,
    base: Option<&str>,
    layers: &[&str],
) {
    let mut config = vec![
        "config".to_owned(),
        format!("--spec={spec}"),
        format!("--config={name}.config"),
        format!("--description={name}.description"),
    ];
    let mut manifest = vec![
        "manifest".to_owned(),
        r#"--spec={"label":"//app:image","annotations":{"a":"b"}}"#.to_owned(),
        format!("--config={name}.config"),
        format!("--manifest={name}.manifest"),
        format!("--digest={name}.digest"),
    ];
    if let Some(base) = base {
        config.push(format!("--base-config={base}.config"));
        config.push(format!("--base-description={base}.description"));
        manifest.push(format!("--base-manifest={base}.manifest"));
    }
    for layer in layers {
        config.push(format!("--layer={layer}.json"));
        manifest.push(format!("--blob-description={layer}.blob.json"));
    }
    for arguments in [config, manifest] {
        bench.succeed(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// Imports a layout as `NAME`, with the files of an image.
pub(crate) fn import(bench: &Workbench, layout: &str, name: &str) {
    bench.succeed(&[
        "import",
        "--label=//base",
        &format!("--layout={layout}"),
        &format!("--config={name}.config"),
        &format!("--manifest={name}.manifest"),
        &format!("--description={name}.description"),
        &format!("--digest={name}.digest"),
    ]);
}

/// A base with two layers in `base.layout`, imported as `base`; an image `top` with two more layers above it, one of
/// them twice.
pub(crate) fn bench_with_image() -> Workbench {
    let bench = Workbench::new();
    for (name, compression) in [
        ("one", "gzip"),
        ("two", "zstd"),
        ("three", "none"),
        ("four", "zstd"),
    ] {
        layer(&bench, name, compression);
    }
    image(&bench, "first", SPEC, None, &["one", "two"]);
    bench.succeed(&[
        "layout",
        "--label=//base",
        "--manifest=first.manifest",
        "--config=first.config",
        "--blob=one.blob",
        "--blob=two.blob",
        "--output=base.layout",
    ]);
    import(&bench, "base.layout", "base");
    image(
        &bench,
        "top",
        SPEC,
        Some("base"),
        &["three", "four", "four"],
    );
    bench
}
