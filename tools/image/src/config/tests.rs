//! Tests of configs as a whole.

use serde_json::json;

use super::*;
use crate::digest::Digest;
use crate::status::Status;

fn spec(extra: Value) -> ConfigSpec {
    let mut spec = json!({
        "label": "//app:image",
        "target_os": "linux",
        "target_architecture": "amd64",
        "target_variant": "v2",
    });
    for (key, value) in extra.as_object().unwrap() {
        spec[key] = value.clone();
    }
    serde_json::from_value(spec).unwrap()
}

pub(super) fn layer(name: &str) -> LayerDescription {
    LayerDescription::new(Content::of(name.as_bytes()))
}

pub(super) fn base(config: &Value, layers: Vec<LayerDescription>) -> Base {
    let bytes = serde_json::to_vec(config).unwrap();
    Base {
        config: Document::parse(Path::new("base.config.json"), &bytes).unwrap(),
        description: ImageDescription {
            config: BlobDescription::new(media_type::DOCKER_CONFIG, Content::of(&bytes)),
            platform: Platform {
                os: "linux".to_owned(),
                architecture: "arm64".to_owned(),
                variant: Some("v8".to_owned()),
            },
            layers,
        },
    }
}

fn docker_base() -> Base {
    let config = json!({
        "architecture": "arm64",
        "config": {
            "Hostname": "",
            "Env": ["PATH=/usr/bin", "LANG=C"],
            "Cmd": ["bash"],
            "Healthcheck": {"Test": ["NONE"]},
            "Shell": ["/bin/sh", "-c"],
            "OnBuild": null,
            "Labels": {"a": "1", "b": "2"},
        },
        "docker_version": "20.10",
        "history": [{"created_by": "base"}, {"created_by": "CMD", "empty_layer": true}],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [Digest::of(b"base").to_string()]},
        "variant": "v8",
    });
    base(&config, vec![layer("base")])
}

pub(super) fn parsed(
    result: Result<(Vec<u8>, ImageDescription), Error>,
) -> (Value, ImageDescription) {
    let (bytes, description) = result.unwrap();
    assert_eq!(description.config.content(), Content::of(&bytes));
    (serde_json::from_slice(&bytes).unwrap(), description)
}

#[test]
fn an_image_from_nothing_has_the_target_platform_and_the_epoch() {
    let (config, description) = parsed(assemble(&spec(json!({})), None, Vec::new()));
    assert_eq!(
        config.to_string(),
        r#"{"created":"1970-01-01T00:00:00Z","architecture":"amd64","os":"linux","variant":"v2","rootfs":{"type":"layers","diff_ids":[]},"history":[]}"#
    );
    assert_eq!(description.platform.to_string(), "linux/amd64/v2");
    assert_eq!(description.config.media_type, media_type::OCI_CONFIG);
}

#[test]
fn a_stated_architecture_does_not_take_the_targets_variant() {
    let spec = spec(json!({"architecture": "arm64"}));
    let (_, description) = parsed(assemble(&spec, None, Vec::new()));
    assert_eq!(description.platform.to_string(), "linux/arm64");
}

#[test]
fn all_attributes_are_written() {
    let spec = spec(json!({
        "created": "2026-01-31T12:00:00Z",
        "entrypoint": ["/app"], "cmd": ["--serve"],
        "env": [["A", "1"], ["B", "$A-${C:-x}"]],
        "labels": {"k": "v"},
        "user": "app", "workdir": "/srv", "exposed_ports": ["8080"], "volumes": ["/data"],
        "stop_signal": "SIGINT",
        "healthcheck": {"test": ["CMD", "/app", "check"], "interval": "30s", "retries": 3},
    }));
    let (config, description) = parsed(assemble(&spec, None, vec![layer("x")]));
    assert_eq!(
        config["config"],
        json!({
            "User": "app",
            "ExposedPorts": {"8080/tcp": {}},
            "Env": ["A=1", "B=1-x"],
            "Entrypoint": ["/app"],
            "Cmd": ["--serve"],
            "Volumes": {"/data": {}},
            "WorkingDir": "/srv",
            "Labels": {"k": "v"},
            "StopSignal": "SIGINT",
            "Healthcheck": {"Test": ["CMD", "/app", "check"], "Interval": 30_000_000_000_u64, "Retries": 3},
        })
    );
    assert_eq!(
        config["history"],
        json!([{"created": "2026-01-31T12:00:00Z", "created_by": "rules_stevedore //app:image"}])
    );
    assert_eq!(
        config["rootfs"]["diff_ids"],
        json!([Digest::of(b"x").to_string()])
    );
    assert_eq!(description.layers, [layer("x")]);
}

#[test]
fn what_is_not_set_comes_from_the_base() {
    let spec = spec(json!({
        "env": [["PATH", "/app:$PATH"], ["NEW", "$$"]],
        "labels": {"b": "3", "c": "4"},
        "layers": ["//app:layer"],
    }));
    let (config, description) = parsed(assemble(&spec, Some(docker_base()), vec![layer("own")]));
    assert_eq!(
        config["config"].to_string(),
        r#"{"Hostname":"","Env":["PATH=/app:/usr/bin","LANG=C","NEW=$"],"Cmd":["bash"],"Healthcheck":{"Test":["NONE"]},"Shell":["/bin/sh","-c"],"OnBuild":null,"Labels":{"a":"1","b":"3","c":"4"}}"#
    );
    assert_eq!(config["docker_version"], "20.10");
    assert_eq!(config["history"].as_array().unwrap().len(), 3);
    assert_eq!(
        config["history"][2]["created_by"],
        "rules_stevedore //app:layer"
    );
    assert_eq!(description.platform.to_string(), "linux/arm64/v8");
    assert_eq!(description.config.media_type, media_type::DOCKER_CONFIG);
    assert_eq!(description.layers, [layer("base"), layer("own")]);
}

#[test]
fn an_entrypoint_clears_the_bases_cmd_and_reset_clears_anything() {
    let spec = spec(json!({
        "entrypoint": ["/app"],
        "reset": ["healthcheck", "labels", "env"],
        "env": [["A", "$PATH"]],
    }));
    let (config, _) = parsed(assemble(&spec, Some(docker_base()), Vec::new()));
    assert_eq!(
        config["config"].to_string(),
        r#"{"Hostname":"","Shell":["/bin/sh","-c"],"OnBuild":null,"Env":["A="],"Entrypoint":["/app"]}"#
    );
}

#[test]
fn a_base_without_history_gets_one_for_its_layers() {
    let config = json!({
        "os": "linux", "architecture": "arm64",
        "rootfs": {"type": "layers", "diff_ids": [Digest::of(b"a").to_string(), Digest::of(b"a").to_string()]},
    });
    let base = base(&config, vec![layer("a"), layer("a")]);
    let (config, _) = parsed(assemble(&spec(json!({})), Some(base), vec![layer("b")]));
    assert_eq!(config["history"].as_array().unwrap().len(), 3);
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 3);
}

#[test]
fn the_history_tells_of_layers_and_of_what_is_none() {
    let spec = spec(json!({
        "author": "me", "comment": "why", "created": "86400",
        "history": ["the program", "no layer"],
        "layers": ["//app:program", "//app:data"],
    }));
    let layers = vec![layer("a"), layer("b")];
    let (config, _) = parsed(assemble(&spec, None, layers.clone()));
    assert_eq!(
        config["history"].to_string(),
        r#"[{"created":"1970-01-02T00:00:00Z","author":"me","created_by":"the program","comment":"why"},{"created":"1970-01-02T00:00:00Z","author":"me","created_by":"no layer","comment":"why"}]"#
    );
    assert_eq!(config["author"], "me");
    let (config, _) = parsed(assemble(&spec, None, layers[..1].to_vec()));
    assert_eq!(config["history"][1]["empty_layer"], true);
    assert_eq!(config["history"][0].get("empty_layer"), None);
    let spec = ConfigSpec {
        history: Vec::new(),
        ..spec
    };
    let (config, _) = parsed(assemble(&spec, None, layers));
    assert_eq!(
        config["history"][1]["created_by"],
        "rules_stevedore //app:data"
    );
}

#[test]
fn what_windows_wants_to_know_is_in_the_config() {
    let spec = spec(json!({"os_version": "10.0.20348.1", "os_features": ["win32k"]}));
    let (config, _) = parsed(assemble(&spec, None, Vec::new()));
    assert_eq!(config["os.version"], "10.0.20348.1");
    assert_eq!(config["os.features"], json!(["win32k"]));
}

#[test]
fn values_are_stamped_where_a_status_is_given() {
    let stamped = |text: &str, status: &Status| {
        let mut spec = spec(json!({
            "env": [["{{A}}", "{{A}}"]], "labels": {"{{A}}": text}, "author": text, "comment": text,
            "history": [text], "created": "{{A}}",
        }));
        spec.stamp(status).unwrap();
        spec
    };
    let status = crate::status::tests::status("A 86400\n");
    let spec = stamped("v{{A}}", &status);
    assert_eq!(spec.env, [("{{A}}".to_owned(), "86400".to_owned())]);
    assert_eq!(spec.labels["{{A}}"], "v86400");
    assert_eq!(spec.history, ["v86400"]);
    for text in [&spec.author, &spec.comment] {
        assert_eq!(text.as_deref(), Some("v86400"));
    }
    assert_eq!(time::checked(&spec).unwrap(), "1970-01-02T00:00:00Z");
    let spec = stamped("v{{A}}", &Status::default());
    assert_eq!(spec.labels["{{A}}"], "vunstamped");
    assert_eq!(spec.created, None);
}

#[test]
fn another_platform_than_the_bases_is_an_error_that_names_both() {
    let cases = [
        (json!({"os": "windows"}), "`os`", "`windows`", "`linux`"),
        (
            json!({"architecture": "amd64"}),
            "`architecture`",
            "`amd64`",
            "`arm64`",
        ),
        (json!({"variant": "v7"}), "`variant`", "`v7`", "`v8`"),
    ];
    for (extra, attribute, found, base) in cases {
        let error = assemble(&spec(extra), Some(docker_base()), Vec::new())
            .unwrap_err()
            .to_string();
        for part in [attribute, found, base, "//app:image"] {
            assert!(error.contains(part), "{error}");
        }
    }
}

#[test]
fn impossible_values_are_errors_that_name_target_attribute_and_value() {
    let cases = [
        (json!({"created": "today"}), "created", "today"),
        (json!({"exposed_ports": ["http"]}), "exposed_ports", "http"),
        (json!({"volumes": ["data"]}), "volumes", "data"),
        (json!({"workdir": "srv"}), "workdir", "srv"),
        (json!({"user": ""}), "user", ""),
        (json!({"stop_signal": "TERM"}), "stop_signal", "TERM"),
        (json!({"env": [["A", "${B"]]}), "env", "${B"),
        (json!({"env": [["A=B", ""]]}), "env", "A=B"),
        (json!({"reset": ["os"]}), "reset", "os"),
        (
            json!({"healthcheck": {"test": ["curl"]}}),
            "healthcheck",
            "curl",
        ),
        (
            json!({"healthcheck": {"test": ["NONE"], "timeout": "1"}}),
            "healthcheck",
            "1",
        ),
    ];
    for (extra, attribute, value) in cases {
        let error = assemble(&spec(extra), None, Vec::new())
            .unwrap_err()
            .to_string();
        for part in [
            "//app:image",
            &format!("`{attribute}`"),
            &format!("`{value}`"),
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
}

#[test]
fn a_base_config_of_another_shape_is_an_error_that_names_the_field() {
    let cases = [
        (json!({"config": []}), "`config`"),
        (json!({"config": {"Env": "A=B"}}), "`Env`"),
        (json!({"config": {"Env": [1]}}), "`Env`"),
        (json!({"config": {"Labels": "x"}}), "`Labels`"),
        (json!({"history": {}}), "`history`"),
        (json!({"rootfs": {"diff_ids": ["x"]}}), "`rootfs.diff_ids`"),
    ];
    let spec = spec(json!({"env": [["A", "1"]], "labels": {"a": "b"}}));
    for (config, field) in cases {
        let bytes = serde_json::to_vec(&config).unwrap();
        let error = Document::parse(Path::new("base.config.json"), &bytes)
            .and_then(|config| {
                let base = Base {
                    config,
                    ..docker_base()
                };
                assemble(&spec, Some(base), Vec::new())
            })
            .unwrap_err()
            .to_string();
        for part in [field, "`base.config.json`"] {
            assert!(error.contains(part), "{error}");
        }
    }
}

#[test]
fn a_flattened_image_has_the_config_of_the_image_and_one_layer() {
    let (config, description) = parsed(flatten(docker_base(), "//app:flat", layer("all")));
    assert_eq!(config["config"]["Env"], json!(["PATH=/usr/bin", "LANG=C"]));
    assert_eq!(config["config"]["Shell"], json!(["/bin/sh", "-c"]));
    assert_eq!(
        config["rootfs"]["diff_ids"],
        json!([Digest::of(b"all").to_string()])
    );
    assert_eq!(
        config["history"],
        json!([{"created": EPOCH, "created_by": "rules_stevedore //app:flat", "comment": "layers made one: 1"}])
    );
    assert_eq!(description.config.media_type, media_type::OCI_CONFIG);
    assert_eq!(description.platform.to_string(), "linux/arm64/v8");
    assert_eq!(description.layers, [layer("all")]);
}
