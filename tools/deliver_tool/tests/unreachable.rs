//! Engines that cannot be reached or used: nothing is sent, and the message says what to do.
#![allow(clippy::unwrap_used)]

mod case;

use std::fs;
use std::path::Path;
use std::process::Command;

use stevedore_testing::{Fault, Finished, Personality, Program};

use case::{Case, BINARY};

#[test]
fn no_daemon() {
    let case = Case::new();
    for host in ["unix:///nonexistent/docker.sock", "tcp://127.0.0.1:1"] {
        let finished = Program::load(Path::new(BINARY), &case.image, host)
            .unwrap()
            .run()
            .unwrap();
        case.check(
            &finished,
            3,
            &format!("no container engine listens at `{host}`"),
        );
        assert_eq!(finished.report["destination"], serde_json::Value::Null);
    }
}

#[test]
fn a_socket_without_a_listener() {
    let case = Case::new();
    let socket = case.image.file("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let host = socket.display().to_string();
    let finished = Program::load(Path::new(BINARY), &case.image, &host)
        .unwrap()
        .run()
        .unwrap();
    case.check(&finished, 3, "no container engine listens at");
}

#[test]
fn no_permission() {
    let case = Case::new();
    let directory = case.docker.socket().parent().unwrap();
    let finished = if is_root() {
        set_mode(directory, 0o755);
        set_mode(case.docker.socket(), 0o600);
        load_as_nobody(&case, directory)
    } else {
        set_mode(case.docker.socket(), 0o000);
        case.program().run().unwrap()
    };
    case.check(&finished, 3, "usermod -aG docker");
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Root may do everything, so somebody else has to try; `place` is a directory that everybody can enter.
fn load_as_nobody(case: &Case, place: &Path) -> Finished {
    let program = case.program();
    let copy = place.join("stevedore-deliver");
    fs::copy(BINARY, &copy).unwrap();
    let executable = case.image.executable();
    set_mode(executable.parent().unwrap(), 0o777);
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&copy)
        .arg("load")
        .arg(format!("--delivery={}.delivery.json", executable.display()))
        .arg(format!("--host={}", case.docker.host()))
        .env("RUNFILES_DIR", executable.with_extension("runfiles"))
        .env("STEVEDORE_REPORT", executable.with_extension("report.json"))
        .output()
        .unwrap();
    program.finish(output).unwrap()
}

#[test]
fn a_daemon_that_answers_500() {
    let case = Case::new();
    for (path, action) in [
        ("", "failed to detect the engine: the engine answered 500"),
        (
            "/json",
            "failed to inspect the image: the engine answered 500: broken inside",
        ),
        (
            "/load",
            "failed to load the image: the engine answered 500: broken inside",
        ),
    ] {
        let body = r#"{"message":"broken inside"}"#;
        case.docker.inject(Fault::Status {
            path,
            status: 500,
            body,
        });
        case.fails(1, action);
    }
}

#[test]
fn what_listens_is_no_engine() {
    let personality = Personality {
        server: "nginx",
        api_version: "",
        ..Personality::DOCKER_28
    };
    Case::of(&[], personality).fails(3, "is no container engine");
    let personality = Personality {
        server: "Docker/1.12",
        api_version: "1.24",
        ..Personality::DOCKER_28
    };
    Case::of(&[], personality).fails(3, "speaks API 1.24");
}
