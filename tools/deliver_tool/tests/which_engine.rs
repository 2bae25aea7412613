//! Which engine is used: the one that is named, by whatever names it.
#![allow(clippy::unwrap_used)]

mod case;

use std::fs;
use std::path::Path;

use stevedore_image::digest::Digest;
use stevedore_testing::Program;

use case::{Case, BINARY};

/// A load for whatever engine these variables name.
fn program(case: &Case, variables: &[(&str, &str)]) -> Program {
    let mut program = Program::load_anywhere(Path::new(BINARY), &case.image).unwrap();
    program.command().envs(variables.iter().copied());
    program.arg("--verbose")
}

/// A folder of the Docker CLI whose current context, `far`, is the engine at `host`.
fn with_context(host: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let meta = folder.path().join("contexts/meta");
    let meta = meta.join(Digest::of(b"far").hex());
    fs::create_dir_all(&meta).unwrap();
    let text = serde_json::json!({"Name": "far", "Endpoints": {"docker": {"Host": host}}});
    fs::write(meta.join("meta.json"), text.to_string()).unwrap();
    let config = r#"{"currentContext": "far"}"#;
    fs::write(folder.path().join("config.json"), config).unwrap();
    folder
}

#[test]
fn an_engine_is_used_by_whatever_names_it() {
    let case = Case::new();
    let host = case.docker.host();
    let socket = case.docker.socket().display().to_string();
    let folder = with_context(&host);
    let config = folder.path().to_str().unwrap();
    for (variables, origin) in [
        (&[("DOCKER_HOST", host.as_str())][..], "`DOCKER_HOST`"),
        (&[("DOCKER_HOST", socket.as_str())], "`DOCKER_HOST`"),
        (&[("CONTAINER_HOST", host.as_str())], "`CONTAINER_HOST`"),
        (
            &[("DOCKER_CONFIG", config)],
            "the Docker CLI's context `far`",
        ),
        (
            &[
                ("DOCKER_CONFIG", config),
                ("DOCKER_CONTEXT", "default"),
                ("CONTAINER_HOST", host.as_str()),
            ],
            "`CONTAINER_HOST`",
        ),
    ] {
        let finished = program(&case, variables).run().unwrap();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let using = format!("using `{host}`: docker 28.5.2, named by {origin}\n");
        assert!(finished.stderr.contains(&using), "{}", finished.stderr);
    }
}

#[test]
fn no_other_engine_is_used_than_the_one_that_is_named() {
    let case = Case::new();
    let host = case.docker.host();
    let folder = with_context("unix:///nonexistent/docker.sock");
    let config = folder.path().to_str().unwrap();
    for (variables, origin) in [
        (
            [
                ("DOCKER_HOST", "unix:///nonexistent/docker.sock"),
                ("CONTAINER_HOST", host.as_str()),
            ],
            "`DOCKER_HOST`",
        ),
        (
            [("DOCKER_CONFIG", config), ("CONTAINER_HOST", &host)],
            "the Docker CLI's context `far`",
        ),
    ] {
        let finished = program(&case, &variables).run().unwrap();
        case.check(&finished, 3, &format!("{origin} names an engine"));
        let text = "no container engine listens at `unix:///nonexistent/docker.sock`";
        case.check(&finished, 3, text);
        assert_eq!(finished.report["requests"], 0);
        assert_eq!(case.docker.take_requests(), []);
    }
}

#[test]
fn what_names_no_engine_is_a_wrong_setting() {
    let case = Case::new();
    let folder = with_context("unix:///d.sock");
    let config = ("DOCKER_CONFIG", folder.path().to_str().unwrap());
    for (variables, text) in [
        (
            &[config, ("DOCKER_CONTEXT", "gone")][..],
            "has no context `gone`",
        ),
        (
            &[("DOCKER_HOST", "npipe:////./pipe/docker_engine")],
            "`npipe` is not supported",
        ),
        (
            &[("DOCKER_HOST", "containerd:///c.sock?namespace=moby")],
            "only if `--host` names it",
        ),
    ] {
        let finished = program(&case, variables).run().unwrap();
        case.check(&finished, 2, text);
    }
}
