//! Tests of the subcommands that make, import and export images.
#![allow(clippy::unwrap_used)]

mod workbench;

use std::fs;
use std::io::Write;

use serde_json::{json, Value};
use stevedore_image::compression::Compression;
use stevedore_image::digest::Digest;
use workbench::image::{bench_with_image, image, import, layer, SPEC};
use workbench::{compressed, listing, Workbench};

#[test]
fn an_imported_layout_is_the_image_that_was_written() {
    let bench = bench_with_image();
    assert_eq!(bench.read("base.config"), bench.read("first.config"));
    assert_eq!(bench.read("base.manifest"), bench.read("first.manifest"));
    let digest = Digest::of(&bench.read("first.manifest")).to_string();
    assert_eq!(bench.text("first.digest"), digest);
    assert_eq!(bench.text("base.digest"), digest);
    let index = bench.json("base.layout/index.json");
    assert_eq!(index["manifests"][0]["digest"], digest.as_str());
    let described = bench.json("base.description");
    assert_eq!(
        described["layers"][1]["diff_id"],
        bench.json("two.json")["diff_id"]
    );
    assert_eq!(described["layers"][1]["blob"], bench.json("two.blob.json"));

    let top = bench.json("top.description");
    let diff_ids: Vec<&Value> = top["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| &layer["diff_id"])
        .collect();
    let config = bench.json("top.config");
    assert_eq!(config["rootfs"]["diff_ids"], json!(diff_ids));
    assert_eq!(diff_ids.len(), 5);
    assert_eq!(
        top["config"]["digest"],
        Digest::of(&bench.read("top.config")).to_string()
    );
    assert_eq!(
        bench.json("top.manifest")["layers"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
    assert_eq!(bench.json("top.manifest")["annotations"], json!({"a": "b"}));

    let arguments = [
        "layout",
        "--label=//app:image",
        "--manifest=top.manifest",
        "--config=top.config",
        "--base-layout=base.layout",
        "--blob=three.blob",
        "--blob=four.blob",
        "--blob=four.blob",
        "--output=top.layout",
    ];
    bench.succeed(&arguments);
    import(&bench, "top.layout", "again");
    assert_eq!(bench.read("again.config"), bench.read("top.config"));
    // The layer that is there twice is one blob: four layers, the config and the manifest.
    assert_eq!(
        fs::read_dir(bench.path("top.layout/blobs/sha256"))
            .unwrap()
            .count(),
        6
    );
    let message = bench.fail(&arguments);
    assert!(
        message.contains("`top.layout` exists and is not empty"),
        "{message}"
    );
}

#[test]
fn an_archive_is_one_that_docker_load_takes() {
    let bench = bench_with_image();
    bench.write("tags.txt", "app:dev\nghcr.io/x/app:1\n");
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
        "--tags=tags.txt",
    ]);
    let archive = bench.read("top.tar");
    let manifest: Value =
        serde_json::from_slice(&workbench::content(&archive, "manifest.json")).unwrap();
    let item = &manifest[0];
    assert_eq!(item["RepoTags"], json!(["app:dev", "ghcr.io/x/app:1"]));
    let config = workbench::content(&archive, item["Config"].as_str().unwrap());
    assert_eq!(config, bench.read("top.config"));
    let layers = item["Layers"].as_array().unwrap();
    // The layer that is there twice is one file.
    assert_eq!(listing(&archive).len(), 2 + layers.len() - 1);
    for (path, name) in layers.iter().zip(["one", "two", "three", "four", "four"]) {
        let tar = workbench::content(&archive, path.as_str().unwrap());
        assert_eq!(tar, bench.read(&format!("{name}.tar")));
    }
}

#[test]
fn the_intermediate_form_has_every_part() {
    let bench = bench_with_image();
    bench.succeed(&[
        "intermediate",
        "--label=//app:image",
        "--config=top.config",
        "--manifest=top.manifest",
        "--description=top.description",
        "--base-layout=base.layout",
        "--tar=three.tar",
        "--tar=four.tar",
        "--tar=four.tar",
        "--blob=three.blob",
        "--blob=four.blob",
        "--blob=four.blob",
        "--output=parts",
    ]);
    let mut names: Vec<String> = fs::read_dir(bench.path("parts"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names.join(" "),
        "001.diff_id 001.sha256 001.tar 001.tar.gz 002.diff_id 002.sha256 002.tar 002.tar.zst \
         003.diff_id 003.sha256 003.tar 004.diff_id 004.sha256 004.tar 004.tar.zst \
         005.diff_id 005.sha256 005.tar 005.tar.zst config.json manifest.json"
    );
    assert_eq!(bench.read("parts/config.json"), bench.read("top.config"));
    assert_eq!(
        bench.read("parts/manifest.json"),
        bench.read("top.manifest")
    );
    assert_eq!(bench.read("parts/002.tar"), bench.read("two.tar"));
    assert_eq!(bench.read("parts/002.tar.zst"), bench.read("two.blob"));
    assert_eq!(
        bench.text("parts/002.diff_id"),
        Digest::of(&bench.read("two.tar")).hex()
    );
    assert_eq!(
        bench.text("parts/002.sha256"),
        Digest::of(&bench.read("two.blob")).hex()
    );
    assert_eq!(bench.read("parts/003.tar"), bench.read("three.tar"));
}

#[test]
fn a_base_of_dockers_type_keeps_its_type_and_unknown_fields() {
    let bench = Workbench::new();
    layer(&bench, "own", "gzip");
    let tar = bench.read("own.tar");
    let blob = compressed(Compression::Gzip, &tar);
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {"Shell": ["/bin/bash"], "Cmd": ["x"]},
        "container": "0123", "rootfs": {"type": "layers", "diff_ids": [Digest::of(&tar)]},
    })
    .to_string();
    let put = |bytes: &[u8]| {
        let digest = Digest::of(bytes);
        bench.write(&format!("docker/blobs/sha256/{}", digest.hex()), bytes);
        (digest, bytes.len())
    };
    let (config_digest, config_size) = put(config.as_bytes());
    let (blob_digest, blob_size) = put(&blob);
    let manifest_type = "application/vnd.docker.distribution.manifest.v2+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": manifest_type,
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "digest": config_digest, "size": config_size},
        "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "digest": blob_digest, "size": blob_size}],
    })
    .to_string();
    let (digest, size) = put(manifest.as_bytes());
    bench.write("docker/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    let index =
        json!({"manifests": [{"mediaType": manifest_type, "digest": digest, "size": size}]});
    bench.write("docker/index.json", index.to_string());
    import(&bench, "docker", "base");
    image(&bench, "top", SPEC, Some("base"), &["own"]);
    let manifest = bench.json("top.manifest");
    assert_eq!(manifest["mediaType"], manifest_type);
    assert_eq!(
        manifest["config"]["mediaType"],
        "application/vnd.docker.container.image.v1+json"
    );
    assert_eq!(
        manifest["layers"][1]["mediaType"],
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
    );
    let config = bench.json("top.config");
    assert_eq!(
        config["config"],
        json!({"Shell": ["/bin/bash"], "Entrypoint": ["/app"]})
    );
    assert_eq!(config["container"], "0123");
    assert_eq!(
        bench.json("top.description")["config"]["mediaType"],
        manifest["config"]["mediaType"]
    );
}

#[test]
fn files_that_are_not_of_one_image_are_refused() {
    let bench = bench_with_image();
    let layout = |arguments: &[&str]| {
        let whole = [
            &[
                "layout",
                "--label=//app:image",
                "--config=top.config",
                "--output=new",
            ],
            arguments,
        ]
        .concat();
        bench.fail(&whole)
    };
    let blobs = ["--blob=three.blob", "--blob=four.blob", "--blob=four.blob"];
    let cases: [(&[&str], &[&str], &str); 5] = [
        (
            &["--manifest=first.manifest"],
            &[],
            "`top.config` (the config of `first.manifest`) is not what it is described as",
        ),
        (
            &["--manifest=top.manifest"],
            &blobs,
            "2 lower layers of the image come from a base",
        ),
        (
            &["--manifest=top.manifest", "--base-layout=base.layout"],
            &blobs[..2],
            "the blob `sha256:",
        ),
        (
            &["--manifest=top.manifest", "--base-layout=base.layout"],
            &["--blob=four.blob", "--blob=three.blob", "--blob=four.blob"],
            "`four.blob` (the blob of layer 2) is not what it is described as",
        ),
        (
            &["--manifest=top.manifest", "--base-layout=missing"],
            &blobs,
            "failed to read `missing/oci-layout`",
        ),
    ];
    for (first, second, expected) in cases {
        let message = layout(&[first, second].concat());
        assert!(
            message.starts_with("error: failed to write the layout of `//app:image`\n"),
            "{message}"
        );
        assert!(message.contains(expected), "{message}");
    }
    let message = bench.fail(&[
        "docker-archive",
        "--label=//app:image",
        "--output=new.tar",
        "--",
        "--image=//app:image",
        "--config=top.config",
        "--description=top.description",
        "--base-layout=base.layout",
        "--tar=four.tar",
        "--tar=four.tar",
        "--tar=four.tar",
    ]);
    assert!(
        message.contains("`four.tar` (layer 2) is not what it is described as"),
        "{message}"
    );
}

#[test]
fn where_a_base_was_pulled_from_is_told_and_changes_no_digest() {
    let bench = bench_with_image();
    let import = [
        "import",
        "--label=//base",
        "--layout=base.layout",
        "--config=pulled.config",
        "--manifest=pulled.manifest",
        "--description=pulled.description",
    ];
    bench.succeed(&[&import[..], &["--repository=docker.io/library/debian"]].concat());
    image(
        &bench,
        "again",
        SPEC,
        Some("pulled"),
        &["three", "four", "four"],
    );
    for part in ["config", "manifest"] {
        assert_eq!(
            bench.read(&format!("again.{part}")),
            bench.read(&format!("top.{part}"))
        );
    }
    let repositories: Vec<Value> = bench.json("again.description")["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["repository"].clone())
        .collect();
    let pulled = json!("debian");
    assert_eq!(
        repositories,
        [&pulled, &pulled, &Value::Null, &Value::Null, &Value::Null].map(Value::clone)
    );
    let message = bench.fail(&[&import[..], &["--repository=debian:12"]].concat());
    assert!(message.contains("write `debian` alone"), "{message}");
}

#[test]
fn a_damaged_layout_is_not_imported() {
    type Damage = fn(&Workbench);
    let damage: [(&str, Damage, &str); 5] = [
        (
            "blob",
            |bench| {
                let hex = bench.json("two.blob.json")["digest"].as_str().unwrap()[7..].to_owned();
                let path = bench.path(&format!("base.layout/blobs/sha256/{hex}"));
                let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
                file.write_all(b"x").unwrap();
            },
            "(layer 1) is not what it is described as",
        ),
        (
            "missing",
            |bench| {
                let hex = bench.json("one.blob.json")["digest"].as_str().unwrap()[7..].to_owned();
                fs::remove_file(bench.path(&format!("base.layout/blobs/sha256/{hex}"))).unwrap();
            },
            "(layer 0) is missing",
        ),
        (
            "type",
            |bench| bench.write("base.layout/index.json", r#"{"manifests":{}}"#),
            "expected a sequence at line 1",
        ),
        (
            "json",
            |bench| bench.write("base.layout/index.json", "{"),
            "EOF while parsing",
        ),
        (
            "version",
            |bench| bench.write("base.layout/oci-layout", r#"{"imageLayoutVersion":"2"}"#),
            "version `2`",
        ),
    ];
    for (name, damage, expected) in damage {
        let bench = bench_with_image();
        damage(&bench);
        let message = bench.fail(&[
            "import",
            "--label=//base",
            "--layout=base.layout",
            "--config=new.config",
            "--manifest=new.manifest",
            "--description=new.description",
        ]);
        let start = "error: failed to import `base.layout` of `//base`\ncaused by: ";
        assert!(message.starts_with(start), "{name}: {message}");
        assert!(message.contains(expected), "{name}: {message}");
    }
}

#[test]
fn a_base_of_another_platform_and_a_wrong_spec_are_refused() {
    let bench = bench_with_image();
    let run = |spec: &str| {
        bench.fail(&[
            "config",
            &format!("--spec={spec}"),
            "--base-config=base.config",
            "--base-description=base.description",
            "--config=new.config",
            "--description=new.description",
        ])
    };
    let message = run(&SPEC.replace("\"entrypoint\":[\"/app\"]", "\"architecture\":\"arm64\""));
    for part in [
        "`architecture` of `//app:image` is `arm64`",
        "its base has `amd64`",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let output = bench.run(&[
        "config",
        "--spec={\"x\":1}",
        "--config=c",
        "--description=d",
    ]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("unknown field `x`"), "{message}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn attributes_come_from_files_and_from_the_workspace_status() {
    let bench = Workbench::new();
    bench.write(
        "labels.txt",
        "# the revision\nrevision={{COMMIT}}\n\nplain=a = b\n",
    );
    bench.write("env.txt", "PATH=/app\nMORE=$PATH:/bin\n");
    bench.write("created.txt", "{{TIME}}\n");
    bench.write("annotations.txt", "revision={{COMMIT}}\n");
    bench.write("stable.txt", "COMMIT abc\n");
    bench.write("volatile.txt", "TIME 86400\n");
    let make = |status: &[&str]| {
        let config = [
            "config",
            &format!("--spec={SPEC}"),
            "--labels-file=labels.txt",
            "--env-file=env.txt",
            "--created-file=created.txt",
            "--config=config.json",
            "--description=description.json",
        ];
        bench.succeed(&[&config[..], status].concat());
        let manifest = [
            "manifest",
            r#"--spec={"label": "//app:image"}"#,
            "--annotations-file=annotations.txt",
            "--config=config.json",
            "--manifest=manifest.json",
            "--digest=digest.txt",
        ];
        bench.succeed(&[&manifest[..], status].concat());
        (bench.json("config.json"), bench.json("manifest.json"))
    };
    let status = [
        "--stable-status=stable.txt",
        "--volatile-status=volatile.txt",
    ];
    let (config, manifest) = make(&status);
    assert_eq!(
        config["config"],
        json!({
            "Env": ["PATH=/app", "MORE=/app:/bin"],
            "Entrypoint": ["/app"],
            "Labels": {"plain": "a = b", "revision": "abc"},
        })
    );
    assert_eq!(config["created"], "1970-01-02T00:00:00Z");
    assert_eq!(manifest["annotations"], json!({"revision": "abc"}));
    let (config, manifest) = make(&[]);
    assert_eq!(config["config"]["Labels"]["revision"], "unstamped");
    assert_eq!(config["created"], "1970-01-01T00:00:00Z");
    assert_eq!(manifest["annotations"], json!({"revision": "unstamped"}));
}
