//! A test that is given images: they are there when it starts, and it is as if nothing had been before it.
#![allow(clippy::unwrap_used)]

mod case;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{json, Value};
use stevedore_testing::{Fault, Finished, Program};

use case::{Case, BINARY};

/// A test that is a shell command and wants the image of `case`.
struct Test<'a> {
    case: &'a Case,
    spec: Value,
}

impl<'a> Test<'a> {
    fn new(case: &'a Case, script: &str) -> Self {
        let file = case.image.file("it_test");
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        let load = case.image.executable().with_extension("delivery.json");
        let load: Value = serde_json::from_slice(&fs::read(load).unwrap()).unwrap();
        let spec = json!({"kind": "test", "label": "//app:it", "images": load["images"],
            "variables": {"APP_IMAGE": 0, "SAME_IMAGE": 0},
            "test": {"label": "//app:it_test", "executable": "_main/it_test", "arguments": ["own"]},
            "without_engine": "fail", "emulation": false});
        Self { case, spec }
    }

    fn with(mut self, field: &str, value: Value) -> Self {
        self.spec[field] = value;
        self
    }

    /// The program, for the engine of the case.
    fn program(&self) -> Program {
        self.program_for(&self.case.docker.host())
    }

    fn program_for(&self, host: &str) -> Program {
        let file = self.case.image.executable().with_extension("delivery.json");
        fs::write(file, self.spec.to_string()).unwrap();
        let mut program = Program::load_anywhere(Path::new(BINARY), &self.case.image).unwrap();
        program.command().env("DOCKER_HOST", host);
        program
    }

    fn run(&self) -> Finished {
        self.program().run().unwrap()
    }
}

#[test]
fn it_finds_its_image_in_the_variables() {
    let case = Case::new();
    let test = Test::new(&case, "echo $APP_IMAGE $SAME_IMAGE $*");
    let finished = test.program().arg("--more").run().unwrap();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(finished.stdout, "app:dev app:dev own --more\n");
    assert_eq!(case.docker.store().name("app:dev"), Some(case.image.id));
    assert_eq!(finished.report["outcome"], "loaded");
}

#[test]
fn its_exit_code_and_its_signals_are_its_own() {
    let case = Case::new();
    assert_eq!(Test::new(&case, "exit 42").run().code, Some(42));
    assert_eq!(Test::new(&case, "kill -9 $$").run().code, None);
}

#[test]
fn it_has_the_process_id_of_what_was_started() {
    let case = Case::new();
    let test = Test::new(&case, "echo $$; exec sleep 60");
    let mut program = test.program();
    let mut child = program.start().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let is_sleep = |id| fs::read_to_string(format!("/proc/{id}/comm")).unwrap() == "sleep\n";
    while !is_sleep(child.id()) {
        assert!(Instant::now() < deadline, "the test has not begun");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(program.finish(output).unwrap().stdout, format!("{id}\n"));
}

#[test]
fn it_gets_what_containers_of_tests_need() {
    let case = Case::new();
    let host = case.docker.host();
    let test = Test::new(
        &case,
        "echo $DOCKER_HOST $TESTCONTAINERS_RYUK_DISABLED $RYUK_CONTAINER_IMAGE",
    );
    assert_eq!(test.run().stdout, format!("{host} true\n"));
    let reaper = json!({"TESTCONTAINERS_RYUK_CONTAINER_IMAGE": 0});
    let finished = test.with("variables", reaper).run();
    assert_eq!(finished.stdout, format!("{host} app:dev\n"));
}

#[test]
fn it_finds_its_own_files() {
    let case = Case::new();
    let test = Test::new(&case, "cat $RUNFILES_DIR/_main/tags");
    assert_eq!(test.run().stdout, "app:dev");
}

#[test]
fn its_home_is_what_bazel_says() {
    let case = Case::new();
    let folder = tempfile::tempdir().unwrap();
    let test = Test::new(&case, "echo $HOME");
    let mut program = test.program();
    program
        .command()
        .env("TEST_TMPDIR", folder.path())
        .env("HOME", folder.path());
    let finished = program.run().unwrap();
    let expected = format!("{}\n", folder.path().display());
    assert_eq!(finished.stdout, expected, "{}", finished.stderr);
}

#[test]
fn an_image_without_a_name_gets_one() {
    let case = Case::new();
    fs::write(case.image.file("tags"), "").unwrap();
    let name = format!("stevedore.local/app/image:{}", &case.image.id.hex()[..12]);
    let finished = Test::new(&case, "echo $APP_IMAGE").run();
    assert_eq!(finished.stdout, format!("{name}\n"), "{}", finished.stderr);
    assert_eq!(case.docker.store().name(&name), Some(case.image.id));
}

#[test]
fn it_does_not_start_if_the_load_fails() {
    let case = Case::new();
    case.docker.inject(Fault::DiskFullAfter { bytes: 1000 });
    let finished = Test::new(&case, "echo started").run();
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(1), ""));
    let expected = "error: `//app:it_test` was not started\ncaused by: `//app:it` failed to load `//app:image`\n";
    assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    assert_eq!(finished.report["outcome"], "failed");
}

#[test]
fn without_an_engine_it_fails_at_once() {
    let case = Case::new();
    let begin = Instant::now();
    let test = Test::new(&case, "echo started");
    let finished = test.program_for("unix:///no/such.sock").run().unwrap();
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(3), ""));
    let expected = "error: `//app:it_test` was not started\n";
    assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    assert!(begin.elapsed() < Duration::from_secs(1));
}

#[test]
fn without_an_engine_it_is_skipped_where_that_is_said() {
    let case = Case::new();
    let folder = tempfile::tempdir().unwrap();
    let [xml, status] = ["test.xml", "shard"].map(|name| folder.path().join(name));
    let test = Test::new(&case, "echo started").with("without_engine", json!("skip"));
    let mut program = test.program_for("unix:///no/such.sock");
    program
        .command()
        .env("XML_OUTPUT_FILE", &xml)
        .env("TEST_SHARD_STATUS_FILE", &status);
    let finished = program.run().unwrap();
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), ""));
    assert!(
        finished.stderr.contains("skipped `//app:it`"),
        "{}",
        finished.stderr
    );
    let xml = fs::read_to_string(xml).unwrap();
    assert!(
        xml.contains(r#"skipped="1""#) && xml.contains("/no/such.sock"),
        "{xml}"
    );
    assert!(status.exists());
    // An engine that fails is not one that is not there.
    case.docker.inject(Fault::DiskFullAfter { bytes: 1000 });
    assert_eq!(test.run().code, Some(1));
}

#[test]
fn an_image_for_another_platform_is_refused_unless_the_engine_emulates_it() {
    let case = Case::new();
    let file = case.image.file("description.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("amd64", "arm64")).unwrap();
    let test = Test::new(&case, "echo started");
    let finished = test.run();
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(2), ""));
    for part in [
        "`//app:image` is for linux/arm64",
        "is for linux/amd64",
        "`emulation = True`",
    ] {
        assert!(
            finished.stderr.contains(part),
            "no `{part}` in {}",
            finished.stderr
        );
    }
    let finished = test.with("emulation", json!(true)).run();
    assert_eq!(finished.stdout, "started\n", "{}", finished.stderr);
}

#[test]
fn a_variable_that_is_set_twice_is_refused() {
    let case = Case::new();
    let test = Test::new(&case, "echo started");
    let mut program = test.program();
    program.command().env("APP_IMAGE", "other");
    let finished = program.run().unwrap();
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(2), ""));
    let expected =
        "`APP_IMAGE` is set twice: by `images` of `//app:it`, and in the environment, to `other`";
    assert!(finished.stderr.contains(expected), "{}", finished.stderr);
}

#[test]
fn what_cannot_be_executed_here_is_named() {
    let case = Case::new();
    let test = Test::new(&case, "");
    let file = case.image.file("it_test");
    fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
    let finished = test.run();
    assert_eq!(finished.code, Some(1));
    let expected = "the test `//app:it_test` cannot be executed here";
    assert!(finished.stderr.contains(expected), "{}", finished.stderr);
}
