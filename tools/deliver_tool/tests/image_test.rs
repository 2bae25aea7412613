//! A test of what an image is: what it tells, what Bazel gets, and the exit codes.
#![allow(clippy::unwrap_used)]

mod case;

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{json, Value};
use stevedore_image::compression::Compression;
use stevedore_testing::{layer_tar, Finished, LayerFile, Program};

use case::{Case, BINARY};

/// Expectations about the image of `case`, which has two files.
struct Test<'a> {
    case: &'a Case,
    spec: Value,
}

fn two_layers() -> Case {
    Case::with(&[
        LayerFile::Blob(layer_tar("base", 2000).unwrap(), Compression::Gzip),
        LayerFile::Tar(layer_tar("app", 1000).unwrap()),
    ])
}

impl<'a> Test<'a> {
    fn new(case: &'a Case, expected: Value) -> Self {
        let load = case.image.executable().with_extension("delivery.json");
        let load: Value = serde_json::from_slice(&fs::read(load).unwrap()).unwrap();
        let image = &load["images"][0]["content"]["image"];
        let spec = json!({"kind": "image_test", "label": "//app:image_test", "image": image,
            "expected": expected, "containers": null});
        Self { case, spec }
    }

    fn program(&self) -> Program {
        let file = self.case.image.executable().with_extension("delivery.json");
        fs::write(file, self.spec.to_string()).unwrap();
        Program::load_anywhere(Path::new(BINARY), &self.case.image).unwrap()
    }

    fn run(&self) -> Finished {
        self.program().run().unwrap()
    }
}

/// Listens at `own` and passes on to the engine at `socket`. The second container is never made; that it was asked for is told.
fn hanging_engine(own: &Path, socket: PathBuf) -> Receiver<()> {
    let (sender, receiver) = mpsc::channel();
    let listener = UnixListener::bind(own).unwrap();
    let containers = Arc::new(AtomicUsize::new(0));
    thread::spawn(move || {
        for client in listener.incoming() {
            let engine = UnixStream::connect(&socket).unwrap();
            let (sender, containers) = (sender.clone(), Arc::clone(&containers));
            thread::spawn(move || {
                let hangs = |text: &str| {
                    text.contains("/containers/create")
                        && containers.fetch_add(1, Ordering::SeqCst) == 1
                };
                if !pass_on(client.unwrap(), engine, hangs).unwrap() {
                    sender.send(()).unwrap();
                }
            });
        }
    });
    receiver
}

/// Passes on what `client` says until there is something that `hangs`, and all that `engine` answers. Tells whether that was all.
fn pass_on(
    mut client: UnixStream,
    mut engine: UnixStream,
    hangs: impl Fn(&str) -> bool,
) -> io::Result<bool> {
    let (mut answers, mut answered) = (engine.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        // Either may have gone away.
        let _ = io::copy(&mut answers, &mut answered);
    });
    let mut bytes = vec![0; 1 << 16];
    loop {
        let count = client.read(&mut bytes)?;
        if count == 0 {
            engine.shutdown(Shutdown::Write)?;
            return Ok(true);
        }
        if hangs(&String::from_utf8_lossy(&bytes[..count])) {
            return Ok(false);
        }
        engine.write_all(&bytes[..count])?;
    }
}

#[test]
fn an_image_that_is_as_expected_passes() {
    let case = two_layers();
    let expected = json!({"files": {"/stevedore-test/base": {"mode": "0644"}, "/stevedore-test/app": {"type": "file"}}, "absent": ["/bin/**"],
        "layers": {"count": 2, "max_size": 100_000}, "policies": ["no_setuid"]});
    let finished = Test::new(&case, expected).run();
    assert_eq!(
        finished.stdout,
        "ok      layer count\nok      max size\nok      file /stevedore-test/app\nok      file /stevedore-test/base\nok      absent /bin/**\n\
         ok      no setuid\n6 passed, 0 failed, 0 skipped\n",
        "{}",
        finished.stderr
    );
    assert_eq!(finished.code, Some(0));
}

#[test]
fn all_that_differs_is_told_to_a_person_and_to_bazel() {
    let case = two_layers();
    let expected = json!({"files": {"/stevedore-test/app": {"mode": "0755", "owner": "5:5"}}, "config": {"user": "app"}});
    let test = Test::new(&case, expected);
    let xml = case.image.file("test.xml");
    let mut program = test.program();
    program.command().env("XML_OUTPUT_FILE", &xml);
    let finished = program.run().unwrap();
    assert_eq!(
        finished.stdout,
        "FAILED  user\n        user: expected `app`, found ``\nFAILED  file /stevedore-test/app\n        \
         mode: expected `0755`, found `0644`\n        owner: expected `5:5`, found `0:0`\n        \
         `/stevedore-test/app` is a file (layer 2 of 2)\n0 passed, 2 failed, 0 skipped\n"
    );
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let xml = fs::read_to_string(xml).unwrap();
    assert!(xml.contains("tests=\"2\" failures=\"2\""), "{xml}");
    assert!(
        xml.contains("<failure message=\"mode: expected `0755`, found `0644`\">"),
        "{xml}"
    );
}

#[test]
fn a_filter_leaves_out_cases() {
    let case = two_layers();
    let expected =
        json!({"files": {"/stevedore-test/app": {}, "/none": {}}, "config": {"user": "app"}});
    let test = Test::new(&case, expected);
    let mut program = test.program();
    program
        .command()
        .env("TESTBRIDGE_TEST_ONLY", "^file /stevedore-test/app$");
    let finished = program.run().unwrap();
    let expected = "ok      file /stevedore-test/app\n1 passed, 0 failed, 0 skipped; 2 left out by the filter\n";
    assert_eq!(finished.stdout, expected);
    let finished = test.program().arg("--filter=user").run().unwrap();
    assert_eq!(finished.code, Some(1));
    let finished = test.program().arg("--filter=(").run().unwrap();
    assert_eq!(finished.code, Some(2));
}

#[test]
fn a_filter_for_other_tests_is_looked_for_as_it_stands() {
    let case = two_layers();
    let test = Test::new(&case, json!({"absent": ["/*.pem", "/bin/**"]}));
    for (filter, left_out) in [("*.pem", 1), ("*Foo*", 2)] {
        let mut program = test.program();
        program.command().env("TESTBRIDGE_TEST_ONLY", filter);
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let summary = format!("0 failed, 0 skipped; {left_out} left out by the filter\n");
        assert!(finished.stdout.ends_with(&summary), "{}", finished.stdout);
        let note = format!("the filter `{filter}` is no regular expression");
        assert!(finished.stderr.contains(&note), "{}", finished.stderr);
    }
}

#[test]
fn each_shard_has_some_of_the_cases() {
    let case = two_layers();
    let expected = json!({"files": {"/none": {}}, "layers": {"count": 2, "max_count": 2}, "config": {"user": ""}});
    let test = Test::new(&case, expected);
    for (index, filter, code, told) in [
        (
            "0",
            "",
            0,
            "ok      user\nok      max layer count\n2 passed, 0 failed, 0 skipped; 2 in other shards\n",
        ),
        (
            "1",
            "",
            1,
            "ok      layer count\nFAILED  file /none\n        there is nothing at `/none`\n1 passed, 1 failed, 0 skipped; \
             2 in other shards\n",
        ),
        (
            "1",
            "user",
            0,
            "0 passed, 0 failed, 0 skipped; 3 left out by the filter; 1 in other shards\n",
        ),
    ] {
        let status = case.image.file("shard");
        let mut program = test.program();
        program
            .command()
            .env("TEST_TOTAL_SHARDS", "2")
            .env("TEST_SHARD_INDEX", index)
            .env("TEST_SHARD_STATUS_FILE", &status)
            .env("TESTBRIDGE_TEST_ONLY", filter);
        let finished = program.run().unwrap();
        assert_eq!(finished.stdout, told);
        assert_eq!(finished.code, Some(code), "{}", finished.stderr);
        fs::remove_file(status).unwrap();
    }
}

#[test]
fn a_test_of_the_config_needs_no_layer() {
    let case = two_layers();
    let mut test = Test::new(&case, json!({"config": {"env": {"A": "1"}}}));
    test.spec["image"]["layers"] = json!([null]);
    test.spec["image"]["base_layout"] = Value::Null;
    let finished = test.run();
    assert_eq!(
        finished.stdout,
        "ok      env A\n1 passed, 0 failed, 0 skipped\n"
    );
}

#[test]
fn what_cannot_be_tested_has_a_code_of_its_own() {
    let case = two_layers();
    let expected = json!({"files": {"/stevedore-test/app": {}}, "absent": ["/**"]});
    let finished = Test::new(&case, expected).run();
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
    assert!(
        finished
            .stderr
            .contains("`/stevedore-test/app` is expected to be there, and `/**` to be absent"),
        "{}",
        finished.stderr
    );
    let case = two_layers();
    let test = Test::new(&case, json!({"files": {"/stevedore-test/app": {}}}));
    fs::remove_file(case.image.tar(1)).unwrap();
    let finished = test.run();
    assert_eq!(finished.code, Some(4), "{}", finished.stderr);
    assert!(
        finished
            .stderr
            .contains("`//app:image_test` could not test `//app:image`"),
        "{}",
        finished.stderr
    );
}

#[test]
fn without_an_engine_all_but_the_commands_is_told() {
    let case = two_layers();
    let expected = json!({"config": {"user": ""}, "commands": [{"name": "version", "argv": ["/v"], "timeout": 5}]});
    let mut test = Test::new(&case, expected);
    fs::write(case.image.file("agent"), "").unwrap();
    for (without_engine, code, outcome) in [
        ("fail", 3, "FAILED  command version\n"),
        ("skip", 0, "skipped command version: "),
    ] {
        test.spec["containers"] = json!({"agent": "_main/agent", "tags": "_main/tags", "engine": "daemon",
            "network": "none", "without_engine": without_engine, "emulation": false});
        let mut program = test.program();
        program
            .command()
            .env("DOCKER_HOST", "unix:///no/such/socket");
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(code), "{}", finished.stderr);
        let start = format!("ok      user\n{outcome}");
        assert!(finished.stdout.starts_with(&start), "{}", finished.stdout);
    }
}

#[test]
fn commands_that_are_done_are_told_when_a_signal_ends_a_later_one() {
    let case = two_layers();
    let command = |name| json!({"name": name, "argv": ["/v"], "timeout": 5});
    let commands = [command("first"), command("second"), command("third")];
    let mut test = Test::new(&case, json!({"commands": commands}));
    fs::write(case.image.file("agent"), "").unwrap();
    test.spec["containers"] = json!({"agent": "_main/agent", "tags": "_main/tags", "engine": "daemon",
        "network": "none", "without_engine": "fail", "emulation": true});
    let socket = case.image.file("hanging.sock");
    let hangs = hanging_engine(&socket, case.docker.socket().to_owned());
    let mut program = test.program();
    program
        .command()
        .env("DOCKER_HOST", format!("unix://{}", socket.display()));
    let child = program.start().unwrap();
    hangs.recv_timeout(Duration::from_secs(20)).unwrap();
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    let finished = program.finish(output).unwrap();
    assert_eq!(finished.code, Some(143), "{}", finished.stderr);
    let told: Vec<&str> = finished.stdout.lines().collect();
    let [first, why, second, interrupted, third, also, "0 passed, 3 failed, 0 skipped"] = told[..]
    else {
        panic!("{}", finished.stdout);
    };
    assert_eq!(
        [first, second, third],
        [
            "FAILED  command first",
            "FAILED  command second",
            "FAILED  command third"
        ]
    );
    assert!(!why.contains("interrupted"), "{why}");
    assert!(
        interrupted.contains("interrupted by SIGTERM"),
        "{interrupted}"
    );
    assert_eq!(
        also.trim(),
        "it was not run, for the reason of `command second`"
    );
}

#[test]
fn nothing_is_loaded_into_an_engine_that_runs_no_commands() {
    let sockets = ["/var/run/docker.sock", "/run/podman/podman.sock"];
    if sockets.iter().any(|socket| Path::new(socket).exists()) {
        // The podman command is not what is used on this machine.
        return;
    }
    let case = two_layers();
    let expected = json!({"config": {"user": ""}, "commands": [{"name": "version", "argv": ["/v"], "timeout": 5}]});
    let mut test = Test::new(&case, expected);
    fs::write(case.image.file("agent"), "").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let podman = folder.path().join("podman");
    let script = "#!/bin/sh\necho \"$1\" >>\"$0.log\"\necho 'podman 5.4.0 linux/amd64'\n";
    fs::write(&podman, script).unwrap();
    fs::set_permissions(&podman, fs::Permissions::from_mode(0o755)).unwrap();
    for (without_engine, code, outcome) in [
        (
            "fail",
            1,
            "FAILED  command version\n        `//app:image_test` failed to load `//app:image`: ",
        ),
        ("skip", 0, "skipped command version: "),
    ] {
        test.spec["containers"] = json!({"agent": "_main/agent", "tags": "_main/tags", "engine": "daemon",
            "network": "none", "without_engine": without_engine, "emulation": false});
        let mut program = test.program();
        program
            .command()
            .env("PATH", folder.path())
            .env("HOME", folder.path())
            .env("XDG_RUNTIME_DIR", folder.path());
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(code), "{}", finished.stderr);
        let start = format!(
            "ok      user\n{outcome}`podman:` cannot run commands: it is the podman command"
        );
        assert!(finished.stdout.starts_with(&start), "{}", finished.stdout);
        let asked = folder.path().join("podman.log");
        assert_eq!(fs::read_to_string(&asked).unwrap(), "info\n");
        fs::remove_file(asked).unwrap();
    }
}
