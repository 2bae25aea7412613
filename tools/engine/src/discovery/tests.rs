//! Tests of which engines are tried.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use stevedore_image::digest::Digest;

use super::*;
use stevedore_wire::TlsFiles;

type Variables<'a> = &'a [(&'a str, &'a str)];

fn find(host: Option<&str>, variables: Variables<'_>) -> Result<Vec<Candidate>, DiscoveryError> {
    let variable = |name: &str| {
        let found = variables.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    candidates(host, &Surroundings::new(&variable, 1000))
}

/// The only candidate, as `ADDRESS from ORIGIN`.
#[track_caller]
fn named(host: Option<&str>, variables: Variables<'_>) -> String {
    match find(host, variables).unwrap().as_slice() {
        [Candidate { address, origin }] => format!("{address} from {origin}"),
        others => panic!("{others:?}"),
    }
}

#[track_caller]
fn error(host: Option<&str>, variables: Variables<'_>) -> String {
    let error = find(host, variables).unwrap_err();
    match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[track_caller]
fn tls(host: Option<&str>, variables: Variables<'_>) -> TlsFiles {
    match &find(host, variables).unwrap()[0].address {
        Address::Tls { files, .. } => files.as_ref().clone(),
        other => panic!("{other}"),
    }
}

/// A folder as the Docker CLI's `~/.docker`, with the context `far`.
fn docker_folder(meta: &str, tls: &[&str], config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let id = Digest::of(b"far").hex();
    let (meta_folder, tls_folder) = (
        folder.path().join("contexts/meta").join(&id),
        folder.path().join("contexts/tls").join(&id).join("docker"),
    );
    for folder in [&meta_folder, &tls_folder] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(meta_folder.join("meta.json"), meta).unwrap();
    fs::write(folder.path().join("config.json"), config).unwrap();
    for file in tls {
        fs::write(tls_folder.join(file), "PEM").unwrap();
    }
    folder
}

const FAR: &str =
    r#"{"Name": "far", "Metadata": {}, "Endpoints": {"docker": {"Host": "tcp://far:1"}}}"#;
const CURRENT: &str = r#"{"auths": {}, "currentContext": "far"}"#;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn whoever_is_first_names_the_only_engine() {
    let folder = docker_folder(FAR, &[], CURRENT);
    let all = [
        ("DOCKER_HOST", "tcp://variable:1"),
        ("DOCKER_CONTEXT", "far"),
        ("CONTAINER_HOST", "unix:///podman.sock"),
        ("DOCKER_CONFIG", text(folder.path())),
    ];
    let config_only = ("DOCKER_CONFIG", text(folder.path()));
    for (host, variables, expected) in [
        (Some("/a.sock"), &all[..], "unix:///a.sock from `--host`"),
        (Some(""), &all, "tcp://variable:1 from `DOCKER_HOST`"),
        (None, &all, "tcp://variable:1 from `DOCKER_HOST`"),
        (
            None,
            &all[1..],
            "tcp://far:1 from the Docker CLI's context `far`",
        ),
        (
            None,
            &all[2..],
            "tcp://far:1 from the Docker CLI's context `far`",
        ),
        (
            None,
            &[all[2], config_only, ("DOCKER_CONTEXT", "default")],
            "unix:///podman.sock from `CONTAINER_HOST`",
        ),
        (
            None,
            &[all[2], ("DOCKER_TLS_VERIFY", "0"), ("HOME", "/none")],
            "https://localhost:2376 from `DOCKER_TLS_VERIFY`",
        ),
        (
            None,
            &[("DOCKER_HOST", ""), ("DOCKER_CONTEXT", ""), all[2]],
            "unix:///podman.sock from `CONTAINER_HOST`",
        ),
        (
            Some("containerd:///c.sock?namespace=k8s.io"),
            &all,
            "containerd:///c.sock?namespace=k8s.io from `--host`",
        ),
        (Some("podman:"), &all, "podman: from `--host`"),
    ] {
        assert_eq!(named(host, variables), expected);
    }
}

#[test]
fn unnamed_engines_are_looked_for_where_they_usually_are() {
    let variables = [("HOME", "/home/me"), ("XDG_RUNTIME_DIR", "/run/mine")];
    let found = find(None, &variables).unwrap();
    let addresses: Vec<_> = found
        .iter()
        .map(|found| found.address.to_string())
        .collect();
    assert_eq!(
        addresses,
        [
            "unix:///var/run/docker.sock",
            "unix:///run/mine/docker.sock",
            "unix:///run/user/1000/docker.sock",
            "unix:///home/me/.docker/run/docker.sock",
            "unix:///home/me/.docker/desktop/docker.sock",
            "unix:///run/mine/podman/podman.sock",
            "unix:///run/user/1000/podman/podman.sock",
            "unix:///run/podman/podman.sock",
            "podman:",
        ]
    );
    assert!(found.iter().all(|found| !found.origin.is_named()));
    let variables = [("XDG_RUNTIME_DIR", "/run/user/1000")];
    assert_eq!(find(None, &variables).unwrap().len(), 5, "each place once");
}

#[test]
fn a_context_has_its_own_tls_files() {
    let files = ["ca.pem", "cert.pem", "key.pem"];
    let skipping = FAR.replace(
        r#""tcp://far:1""#,
        r#""tcp://far:1", "SkipTLSVerify": true"#,
    );
    for (meta, present, ca, client, skip_verify) in [
        (FAR, &files[..], true, true, false),
        (FAR, &files[..1], true, false, false),
        (FAR, &files[1..], false, true, false),
        (FAR, &files[..2], true, false, false),
        (&skipping, &[], false, false, true),
    ] {
        let folder = docker_folder(meta, present, "{}");
        let variables = [
            ("DOCKER_CONTEXT", "far"),
            ("DOCKER_CONFIG", text(folder.path())),
        ];
        let found = tls(None, &variables);
        assert_eq!(
            (
                !found.ca.is_empty(),
                found.client.is_some(),
                found.skip_verify
            ),
            (ca, client, skip_verify),
            "{present:?}"
        );
    }
}

#[test]
fn a_context_is_used_as_the_docker_cli_uses_it() {
    for (host, expected) in [
        ("unix:///d.sock", "unix:///d.sock"),
        ("ssh://me@far", "ssh://me@far"),
        ("", "unix:///var/run/docker.sock"),
    ] {
        // Docker's TLS variables are for the default context, and a socket has no TLS.
        let folder = docker_folder(&FAR.replace("tcp://far:1", host), &["ca.pem"], CURRENT);
        let variables = [
            ("DOCKER_CONFIG", text(folder.path())),
            ("DOCKER_TLS_VERIFY", "1"),
        ];
        assert_eq!(
            named(None, &variables),
            format!("{expected} from the Docker CLI's context `far`")
        );
    }
    let folder = docker_folder(FAR, &[], "no JSON");
    let found = find(None, &[("DOCKER_CONFIG", text(folder.path()))]).unwrap();
    assert!(!found[0].origin.is_named(), "a broken config names nothing");
}

#[test]
fn dockers_variables_ask_for_tls() {
    let folder = tempfile::tempdir().unwrap();
    let files = text(folder.path());
    fs::write(folder.path().join("cert.pem"), "PEM").unwrap();
    let verify = [
        ("DOCKER_HOST", "tcp://there:2376"),
        ("DOCKER_TLS_VERIFY", "1"),
        ("DOCKER_CERT_PATH", files),
    ];
    let found = tls(None, &verify);
    assert_eq!(found.ca, [folder.path().join("ca.pem")]);
    assert_eq!((found.client, found.skip_verify), (None, false));
    fs::write(folder.path().join("key.pem"), "PEM").unwrap();
    assert!(tls(None, &verify).client.is_some());
    assert!(!tls(Some("tcp://flag:1"), &verify[1..]).ca.is_empty());

    let unverified = [("DOCKER_TLS", "1"), ("DOCKER_CERT_PATH", files)];
    let found = tls(Some("tcp://there"), &unverified);
    assert!(found.ca.is_empty() && found.skip_verify);

    let home = [("DOCKER_TLS_VERIFY", "1"), ("HOME", "/home/me")];
    let found = tls(Some("tcp://there"), &home);
    assert_eq!(found.ca, [PathBuf::from("/home/me/.docker/ca.pem")]);

    assert_eq!(tls(Some("https://there"), &[]), TlsFiles::default());
    assert!(!tls(Some("https://there"), &verify[2..]).ca.is_empty());
    for (host, expected) in [
        ("tcp://there:1", "tcp://there:1"),
        ("unix:///d.sock", "unix:///d.sock"),
    ] {
        let no_tls = named(Some(host), &verify[2..]);
        assert_eq!(no_tls, format!("{expected} from `--host`"));
    }
    let socket = named(Some("unix:///d.sock"), &verify);
    assert_eq!(socket, "unix:///d.sock from `--host`", "TLS is for TCP");
}

#[test]
fn podmans_variable_means_podman_on_the_other_side_too() {
    let variables = [
        ("CONTAINER_HOST", "ssh://me@there:22/run/podman/podman.sock"),
        ("CONTAINER_SSHKEY", "/home/me/key"),
    ];
    match &find(None, &variables).unwrap()[0].address {
        Address::Ssh(ssh) => {
            assert_eq!(ssh.command, RemoteCommand::Podman);
            assert_eq!(ssh.identity, Some("/home/me/key".into()));
        }
        other => panic!("{other}"),
    }
    match &find(None, &[("DOCKER_HOST", "ssh://me@there"), variables[1]]).unwrap()[0].address {
        Address::Ssh(ssh) => {
            assert_eq!((ssh.command, &ssh.identity), (RemoteCommand::Docker, &None))
        }
        other => panic!("{other}"),
    }
}

#[test]
fn what_makes_no_sense_is_an_error_that_says_who_said_it() {
    let folder = docker_folder(FAR, &[], r#"{"currentContext": "gone"}"#);
    let config = ("DOCKER_CONFIG", text(folder.path()));
    let (malformed, no_docker, unusable) = (
        docker_folder("{", &[], "{}"),
        docker_folder(r#"{"Endpoints": {"kubernetes": {}}}"#, &[], "{}"),
        docker_folder(&FAR.replace("tcp://", "npipe://"), &[], "{}"),
    );
    let in_folder = |folder: &tempfile::TempDir| {
        [
            ("DOCKER_CONTEXT".to_owned(), "far".to_owned()),
            (config.0.to_owned(), text(folder.path()).to_owned()),
        ]
    };
    for (folder, expected) in [
        (&malformed, "of the Docker CLI's context `far` is malformed"),
        (&no_docker, "context `far` has no endpoint `docker`"),
        (
            &unusable,
            "the Docker CLI's context `far` names no engine: engine address `npipe://far:1`",
        ),
    ] {
        let variables = in_folder(folder);
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let found = error(None, &variables);
        assert!(found.contains(expected), "{found}");
    }
    for (host, variables, expected) in [
        (None, &[config][..], "has no context `gone`: there is no `"),
        (
            None,
            &[("DOCKER_HOST", "npipe://x")],
            "`DOCKER_HOST` names no engine: engine address `npipe://x`",
        ),
        (Some("docker.sock"), &[], "`--host` names no engine"),
        (
            None,
            &[("CONTAINER_HOST", "nonsense")],
            "`CONTAINER_HOST` names no engine",
        ),
        (
            None,
            &[("DOCKER_HOST", "containerd:///c.sock?namespace=moby")],
            "used only if `--host` names it",
        ),
        (
            None,
            &[("CONTAINER_HOST", "podman:")],
            "used only if `--host` names it",
        ),
    ] {
        let found = error(host, variables);
        assert!(found.contains(expected), "{found}");
    }
}
