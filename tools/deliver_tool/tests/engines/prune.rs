//! What is removed from real engines of what was loaded for tests, and what stays.

use std::path::Path;
use std::process::Child;
use std::time::Duration;

use serde_json::{json, Value};
use stevedore_image::reference::Reference;
use stevedore_testing::{program_layer, Finished, LayerFile, Program};

use crate::bench::{Bench, BINARY};
use crate::marks::{with_all, Subject};

const OLD: Duration = Duration::from_secs(8 * 24 * 60 * 60);
const YOUNG: Duration = Duration::from_secs(6 * 24 * 60 * 60);

fn prune(bench: &Bench, flags: &[&str]) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::prune(Path::new(BINARY), folder.path(), &bench.host()).unwrap();
    program.command().args(flags);
    let finished = program.run().unwrap();
    let engine = &bench.name;
    assert_eq!(finished.code, Some(0), "{engine}: {}", finished.stderr);
    finished
}

/// What the report says became of the name.
fn outcome(finished: &Finished, subject: &Subject<'_>) -> Value {
    let names = finished.report["names"].as_array().unwrap();
    let mut found = names
        .iter()
        .filter(|name| name["reference"] == subject.name);
    found
        .next()
        .map_or(Value::Null, |name| name["outcome"].clone())
}

/// An image of which containers can be made.
fn runnable<'a>(bench: &'a Bench, what: &str) -> Subject<'a> {
    let programs = program_layer(&["/bin/sh", "/bin/sleep"]).unwrap();
    let subject = Subject::of(bench, what, &[LayerFile::Tar(programs)]);
    subject.load("--for-tests=yes");
    subject.age(OLD);
    subject
}

fn container(subject: &Subject<'_>, command: &[&str]) -> String {
    let body =
        json!({"Image": subject.name, "Cmd": command, "HostConfig": {"NetworkMode": "none"}});
    let api = &subject.bench.api;
    let (status, created) = api.call("POST", "/containers/create", &body).unwrap();
    assert_eq!(status, 201, "{created}");
    created["Id"].as_str().unwrap().to_owned()
}

fn start(bench: &Bench, container: &str) {
    let path = format!("/containers/{container}/start");
    let (status, answer) = bench.api.call("POST", &path, &Value::Null).unwrap();
    assert_eq!(status, 204, "{answer}");
}

fn remove_container(bench: &Bench, container: &str) {
    let path = format!("/containers/{container}?force=1");
    bench.api.call("DELETE", &path, &Value::Null).unwrap();
}

#[test]
fn what_is_old_and_not_in_use_is_removed_and_nothing_else() {
    with_all(|bench| {
        let old = Subject::new(bench, "old");
        old.load("--for-tests=yes");
        old.age(OLD);
        let young = Subject::new(bench, "young");
        young.load("--for-tests=yes");
        young.age(YOUNG);
        let users = Subject::new(bench, "users");
        users.load("--for-tests=no");
        let taken = Subject::new(bench, "taken");
        taken.load("--for-tests=yes");
        taken.age(OLD);
        taken.load("--for-tests=no");
        let count = bench.api.image_count().unwrap();

        let would = prune(bench, &["--dry-run"]);
        assert_eq!(outcome(&would, &old), "would_be_removed", "{}", bench.name);
        assert_eq!(bench.api.image_count().unwrap(), count);
        assert_eq!(old.marks().len(), 1);

        let finished = prune(bench, &["--older-than=7d"]);
        let engine = &bench.name;
        assert!(finished.stdout.lines().any(|line| line == old.name));
        assert_eq!(outcome(&finished, &old), "removed", "{engine}");
        assert_eq!(outcome(&finished, &young), "recent", "{engine}");
        assert_eq!(outcome(&finished, &users), Value::Null, "{engine}");
        assert_eq!(outcome(&finished, &taken), Value::Null, "{engine}");
        assert_eq!(old.id(), None, "{engine}");
        assert_eq!(bench.api.image_count().unwrap(), count - 1, "{engine}");
        for kept in [&young, &users, &taken] {
            assert!(kept.id().is_some(), "{engine}: {}", kept.name);
            kept.remove();
        }
        let again = prune(bench, &[]);
        assert_eq!(again.stdout, "", "{engine}");
        eprintln!("{engine}: {} ms", finished.report["elapsed_ms"]);
    });
}

#[test]
fn what_a_container_was_made_of_stays_whether_it_runs_or_not() {
    with_all(|bench| {
        let (running, stopped) = (runnable(bench, "running"), runnable(bench, "stopped"));
        let first = container(&running, &["/bin/sleep", "1000"]);
        start(bench, &first);
        let second = container(&stopped, &["/bin/sh", "-c", "exit 0"]);
        start(bench, &second);
        let finished = prune(bench, &[]);
        let engine = &bench.name;
        for subject in [&running, &stopped] {
            assert_eq!(outcome(&finished, subject), "in_use", "{engine}");
            assert_eq!(subject.marks().len(), 1, "{engine}: {}", subject.name);
        }
        assert!(finished.stderr.contains("a container is made of it"));
        remove_container(bench, &first);
        remove_container(bench, &second);
        let finished = prune(bench, &[]);
        for subject in [&running, &stopped] {
            assert_eq!(outcome(&finished, subject), "removed", "{engine}");
            assert_eq!(subject.id(), None, "{engine}");
        }
    });
}

#[test]
fn other_names_of_the_image_stay() {
    with_all(|bench| {
        let subject = Subject::new(bench, "named");
        subject.load("--for-tests=yes");
        subject.age(OLD);
        let mine: Reference = format!("stevedore-mine-{}:1", bench.unique)
            .parse()
            .unwrap();
        subject.tag(&mine);
        let finished = prune(bench, &[]);
        let engine = &bench.name;
        assert_eq!(outcome(&finished, &subject), "removed", "{engine}");
        assert_eq!(subject.id(), None, "{engine}");
        assert_eq!(
            subject.names_of(&mine.normalized()),
            std::slice::from_ref(&mine),
            "{engine}"
        );
        bench.api.remove_image(&mine.normalized()).unwrap();
    });
}

#[test]
fn a_name_that_has_moved_on_stays_where_it_is() {
    with_all(|bench| {
        let old = Subject::new(bench, "moved");
        let loaded = old.load("--for-tests=yes");
        let id = loaded.report["image_id"].as_str().unwrap().to_owned();
        old.age(OLD);
        let new = Subject::of(bench, "moved", &[bench.tar("mine", 100_000)]);
        new.load("--for-tests=no");
        prune(bench, &[]);
        let engine = &bench.name;
        assert_eq!(bench.api.image_id(&id).unwrap(), None, "{engine}");
        assert!(new.id().is_some(), "{engine}");
        new.remove();
    });
}

#[test]
fn a_name_that_was_somebodys_stays() {
    with_all(|bench| {
        let mine = Subject::new(bench, "somebodys");
        let loaded = mine.load("--for-tests=no");
        let id = loaded.report["image_id"].as_str().unwrap().to_owned();
        let taken = Subject::of(bench, "somebodys", &[bench.tar("of a test", 100_000)]);
        taken.load("--for-tests=yes");
        let marks = taken.marks();
        let engine = &bench.name;
        assert_eq!(marks.len(), 1, "{engine}: {marks:?}");
        assert!(!marks[0].stands_for(&taken.name.parse().unwrap()));
        taken.age(OLD);
        let finished = prune(bench, &[]);
        assert_eq!(outcome(&finished, &taken), Value::Null, "{engine}");
        assert!(taken.marks().is_empty(), "{engine}");
        assert!(taken.id().is_some(), "{engine}");
        taken.remove();
        bench.api.remove_image(&id).unwrap();
    });
}

/// An age of nothing is the hardest: each load may lose its image again at once, but none may fail, and nothing may be left.
#[test]
fn images_are_removed_while_they_are_loaded() {
    with_all(|bench| {
        let subjects = ["a", "b"].map(|what| Subject::new(bench, what));
        for round in 0..3 {
            let mut programs: Vec<Program> = subjects
                .iter()
                .chain(&subjects)
                .enumerate()
                .map(|(number, subject)| {
                    let report = subject.files.file(&format!("{number}.json"));
                    let program = subject.program().reporting_to(&report);
                    program.arg("--for-tests=yes")
                })
                .collect();
            let children: Vec<Child> = programs
                .iter_mut()
                .map(|program| program.start().unwrap())
                .collect();
            prune(bench, &["--older-than=0s"]);
            for (program, child) in programs.iter().zip(children) {
                let finished = program.finish(child.wait_with_output().unwrap()).unwrap();
                let engine = &bench.name;
                let stderr = &finished.stderr;
                assert_eq!(finished.code, Some(0), "{engine} {round}: {stderr}");
            }
        }
        // Nothing of this second is removed.
        std::thread::sleep(Duration::from_secs(2));
        prune(bench, &["--older-than=0s"]);
        for subject in &subjects {
            assert_eq!(subject.id(), None, "{}: {}", bench.name, subject.name);
        }
    });
}

#[test]
fn podman_without_a_service_is_asked_by_its_command() {
    with_all(|bench| {
        if !bench.name.starts_with("podman") || bench.name.contains("rootless") {
            return;
        }
        let subject = Subject::new(bench, "command");
        subject.load("--for-tests=yes");
        subject.age(OLD);
        let folder = tempfile::tempdir().unwrap();
        let mut program = Program::prune(Path::new(BINARY), folder.path(), "podman:").unwrap();
        let variables = bench.variables.iter().map(|(name, value)| (name, value));
        program.command().envs(variables);
        let finished = program.run().unwrap();
        let engine = &bench.name;
        assert_eq!(finished.code, Some(0), "{engine}: {}", finished.stderr);
        assert_eq!(outcome(&finished, &subject), "removed", "{engine}");
        assert_eq!(subject.id(), None, "{engine}");
    });
}
