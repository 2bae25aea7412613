//! Credentials: every place that they may be in, and what is said if they are wrong.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use stevedore_testing::{RegistryAnswer, RegistryApi, RegistryFault, RegistryRule};

use crate::bench::ran;
use crate::login::Login;

/// The kinds of registries that ask who is there.
const WITH_LOGIN: [&str; 2] = ["distribution-2@htpasswd", "distribution-2@token"];

#[test]
fn a_login_of_docker_or_podman_is_used() {
    for name in WITH_LOGIN {
        for place in [
            ".docker/config.json",
            "containers/auth.json",
            ".config/containers/auth.json",
        ] {
            let login = Login::at(name);
            let right = login.right();
            login.write(place, &right);
            login.is_let_in(login.program());
        }
    }
}

/// Runs a program that is here, with this home.
fn run(login: &Login, command: &[&str]) {
    let mut program = Command::new(command[0]);
    program.args(&command[1..]).env("HOME", login.files.home());
    let output = program.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", command[0]);
}

#[test]
fn what_other_programs_have_logged_in_is_used() {
    for name in WITH_LOGIN {
        let login = Login::at(name);
        let (registry, user, password) =
            (login.bench.proxy.address(), login.user(), login.password());
        let file = login.files.home().join("auth.json");
        let authfile = format!("--authfile={}", file.display());
        let skopeo = [
            "skopeo",
            "login",
            "--tls-verify=false",
            &authfile,
            "-u",
            user,
            "-p",
            password,
        ];
        run(&login, &[&skopeo[..], &[&registry]].concat());
        let mut program = login.program();
        program.command().env("REGISTRY_AUTH_FILE", &file);
        ran(program, "pushed");

        let login = Login::at(name);
        let registry = login.bench.proxy.address();
        let crane = [
            "crane",
            "auth",
            "login",
            "--insecure",
            "-u",
            user,
            "-p",
            password,
        ];
        run(&login, &[&crane[..], &[&registry]].concat());
        ran(login.program(), "pushed");
    }
}

#[test]
fn podmans_entry_for_a_part_of_the_registry_is_used() {
    let login = Login::at("distribution-2@htpasswd");
    let registry = login.bench.proxy.address();
    let mut auths: serde_json::Value = serde_json::from_str(&login.right()).unwrap();
    let key = format!("{registry}/stevedore");
    auths["auths"][key] = auths["auths"][&registry].take();
    auths["auths"][&registry] =
        serde_json::json!({"username": "nobody", "password": "wrong-password"});
    login.write("containers/auth.json", &auths.to_string());
    ran(login.program(), "pushed");
}

#[test]
fn dockers_helpers_are_asked() {
    for name in WITH_LOGIN {
        for setting in ["credHelpers", "credsStore"] {
            let login = Login::at(name);
            let answer = serde_json::json!({"Username": login.user(), "Secret": login.password()});
            login.write("answer.json", &answer.to_string());
            let home = login.files.home();
            login.helper(
                "docker-credential-test",
                &format!("cat {}/answer.json", home.display()),
            );
            let helper = match setting {
                "credHelpers" => serde_json::json!({login.bench.proxy.address(): "test"}),
                _ => "test".into(),
            };
            let config = serde_json::json!({ setting: helper });
            login.write(".docker/config.json", &config.to_string());
            ran(login.program(), "pushed");
        }
    }
}

#[test]
fn bazels_helpers_are_asked() {
    for name in WITH_LOGIN {
        let login = Login::at(name);
        let basic = RegistryApi::basic(login.user(), login.password());
        let answer = serde_json::json!({"headers": {"Authorization": [basic]}});
        login.write("answer.json", &answer.to_string());
        let home = login.files.home();
        let helper = login.helper("helper", &format!("cat {}/answer.json", home.display()));
        let mut program = login.program();
        let rule = format!("--credential-helper=127.0.0.1={}", helper.display());
        program.command().arg(rule);
        ran(program, "pushed");
    }
}

#[test]
fn an_identity_token_is_exchanged() {
    let login = Login::at("distribution-2@token");
    let entry = serde_json::json!({"identitytoken": login.bench.registry.fact("identity")});
    let auths = serde_json::json!({"auths": {login.bench.proxy.address(): entry}});
    login.write(".docker/config.json", &auths.to_string());
    ran(login.program(), "pushed");
}

#[test]
fn a_token_that_ends_in_the_middle_is_renewed() {
    let login = Login::at("distribution-2@token:2");
    login.write(".docker/config.json", &login.right());
    // Two layers of 100 KB, in 4 seconds.
    let slow = RegistryFault::Throttle(25_000);
    login
        .bench
        .add(RegistryRule::on("PUT", "/blobs/uploads/", slow));
    ran(login.program(), "pushed");
    let requests = login.bench.proxy.take_requests();
    let refused = requests
        .iter()
        .filter(|request| request.status == 401 && request.is_authorized);
    assert!(refused.count() >= 1, "no token has ended: {requests:#?}");
}

#[test]
fn a_token_that_a_registry_refuses_once_is_renewed() {
    let login = Login::at("distribution-2@token");
    login.write(".docker/config.json", &login.right());
    let challenge = login.bench.api.call("GET", "/v2/", "", b"").unwrap();
    let challenge = challenge.header("www-authenticate").unwrap().to_owned();
    let ended = RegistryAnswer::status(401).header("www-authenticate", &challenge);
    let ended = RegistryFault::Answer(ended);
    login
        .bench
        .add(RegistryRule::on("PUT", "/blobs/uploads/", ended.clone()).nth(1));
    login
        .bench
        .add(RegistryRule::on("PUT", "/manifests/", ended).nth(1));
    ran(login.program(), "pushed");
}

#[test]
fn one_token_does_for_a_repository() {
    let login = Login::at("distribution-2@token");
    login.write(".docker/config.json", &login.right());
    ran(login.program(), "pushed");
    login.bench.proxy.take_requests();
    let finished = ran(login.program(), "unchanged");
    assert!(
        finished.report["requests"].as_u64() <= Some(5),
        "{}",
        finished.report
    );
    let requests = login.bench.proxy.take_requests();
    let unauthorized = requests.iter().filter(|request| !request.is_authorized);
    assert!(unauthorized.count() <= 1, "{requests:#?}");
}

#[test]
fn a_wrong_password_names_its_source() {
    for name in WITH_LOGIN {
        let login = Login::at(name);
        let registry = login.bench.proxy.address();
        let wrong = login.auths(&registry, login.user(), "wrong-password");
        login.write(".docker/config.json", &wrong);
        let source = format!("`{registry}` in `auths` of `~/.docker/config.json`");
        login.is_refused(login.program(), &[&source, &registry]);
        assert_eq!(tagged(&login), None, "{name}");
    }
}

#[test]
fn nobody_is_let_in_without_a_login() {
    for name in WITH_LOGIN {
        let login = Login::at(name);
        let texts = ["anonymous", "`~/.docker/config.json`", "docker login"];
        login.is_refused(login.program(), &texts);
        assert_eq!(tagged(&login), None, "{name}");
    }
}

/// What the tag stands for.
fn tagged(login: &Login) -> Option<stevedore_image::digest::Digest> {
    let api = login.bench.api.clone();
    let api = api.with_password(login.user(), login.password());
    // The token server's registry does not take a password itself; it says 401, which is no manifest either.
    api.tag(&login.bench.repository, "v1").unwrap()
}

#[test]
fn a_helper_that_fails_is_heard() {
    let login = Login::at("distribution-2@htpasswd");
    login.helper(
        "docker-credential-test",
        "echo wrong-password; echo 'the vault is locked' >&2; exit 3",
    );
    login.write(".docker/config.json", r#"{"credsStore": "test"}"#);
    let texts = [
        "`docker-credential-test`, which `credsStore` of `~/.docker/config.json` names",
        "it failed (exit status: 3)",
        "the vault is locked",
    ];
    login.is_refused(login.program(), &texts);
}

#[test]
fn a_helper_that_is_missing_is_named() {
    let login = Login::at("distribution-2@htpasswd");
    login.write(".docker/config.json", r#"{"credsStore": "nowhere"}"#);
    let texts = ["`docker-credential-nowhere`", "no such program on `PATH`"];
    login.is_refused(login.program(), &texts);
}

#[test]
fn a_helper_that_hangs_is_killed() {
    let login = Login::at("distribution-2@htpasswd");
    let home = login.files.home();
    let script = format!("echo $$ >{}/pid; sleep 600", home.display());
    login.helper("docker-credential-test", &script);
    login.write(".docker/config.json", r#"{"credsStore": "test"}"#);
    let started = Instant::now();
    let mut program = login.program();
    program.command().arg("--timeout=2");
    login.is_refused(program, &["it has not ended after 2 s"]);
    assert!(started.elapsed() < Duration::from_secs(20));
    let process = fs::read_to_string(home.join("pid")).unwrap();
    assert!(!Path::new("/proc").join(process.trim()).exists());
}

#[test]
fn a_config_that_makes_no_sense_is_named_without_its_content() {
    let login = Login::at("distribution-2@htpasswd");
    login.write(".docker/config.json", r#"{"auths": {"x": wrong-password}}"#);
    let texts = ["the credentials in `~/.docker/config.json` are malformed: line 1"];
    login.is_refused(login.program(), &texts);
}
