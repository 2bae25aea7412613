//! Marks of images that are loaded for tests, in a fake Docker.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, SystemTime};

use stevedore_delivery::Mark;
use stevedore_image::digest::Digest;
use stevedore_image::reference::Reference;
use stevedore_testing::{
    layer_tar, FakeDocker, Fault, Finished, ImageFiles, LayerFile, Personality, Program,
};

const BINARY: &str = env!("CARGO_BIN_EXE_stevedore-deliver");
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct Bench {
    docker: FakeDocker,
    directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self {
            docker: FakeDocker::start(Personality::DOCKER_28).unwrap(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn image(&self, environment: &str) -> ImageFiles {
        let layers = [LayerFile::Tar(layer_tar("base", 1000).unwrap())];
        let names = ["app:dev", "app:two"];
        ImageFiles::write(self.directory.path(), &layers, environment, &names).unwrap()
    }

    #[track_caller]
    fn load(&self, image: &ImageFiles, flag: &str) -> Finished {
        let program = Program::load(Path::new(BINARY), image, &self.docker.host()).unwrap();
        let finished = program.arg(flag).run().unwrap();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        finished
    }

    /// The image's marks, and what they stand for: `dev`, `two`, or neither.
    fn marks(&self, image: &ImageFiles) -> Vec<(Mark, &'static str)> {
        let store = self.docker.store();
        let names = store.names_of(&image.id);
        let names = names
            .iter()
            .filter_map(|name| Mark::of(&name.parse().unwrap()));
        let names = names.map(|mark| {
            let stands_for = |name: &str| mark.stands_for(&name.parse().unwrap());
            let what = match (stands_for("app:dev"), stands_for("app:two")) {
                (true, false) => "dev",
                (false, true) => "two",
                _ => "neither",
            };
            (mark, what)
        });
        names.collect()
    }

    /// What the image's marks stand for.
    fn marked(&self, image: &ImageFiles) -> Vec<&'static str> {
        self.marks(image)
            .into_iter()
            .map(|(_, what)| what)
            .collect()
    }

    fn age_mark(&self, image: &ImageFiles, mark: &Mark, name: &str) {
        let old = Mark::new(
            SystemTime::now() - DAY - DAY,
            image.id,
            &name.parse().unwrap(),
        );
        let (new, old) = (mark.name().to_string(), old.unwrap().name().to_string());
        self.docker.change_store(|store| {
            store.set_name(&old, image.id);
            store.set_name(&new, Digest::of(b"nothing"));
        });
    }
}

#[test]
fn an_image_for_a_test_gets_a_mark_for_each_name_in_the_same_upload() {
    const NAMES: usize = 2;
    let bench = Bench::new();
    let image = bench.image("A=1");
    let cold = bench.load(&image, "--for-tests=no");
    let cold_requests = bench.docker.take_requests().len();
    let (same, other) = (bench.image("A=1"), Bench::new());
    let marked = other.load(&same, "--for-tests=yes");
    // Of each name it is asked who has it.
    assert_eq!(other.docker.take_requests().len(), cold_requests + NAMES);
    assert_eq!(other.marked(&same), ["dev", "two"]);
    for field in ["image_id", "references", "layers", "outcome"] {
        assert_eq!(marked.report[field], cold.report[field], "{field}");
    }
    assert_eq!(marked.stdout, "app:dev\napp:two\n");

    let warm = other.load(&same, "--for-tests=yes");
    assert_eq!(warm.report["outcome"], "unchanged");
    assert_eq!(other.docker.take_requests().len(), 2);
}

#[test]
fn a_load_in_a_test_of_bazel_is_for_it() {
    for (variables, flag, expected) in [
        (&["BAZEL_TEST"][..], "--for-tests=auto", 2),
        (&["TEST_TARGET", "TEST_SRCDIR"], "--for-tests=auto", 2),
        (&["TEST_TARGET"], "--for-tests=auto", 0),
        (&["BAZEL_TEST"], "--for-tests=no", 0),
        (&["UNRELATED"], "--for-tests=auto", 0),
    ] {
        let bench = Bench::new();
        let image = bench.image("A=1");
        let host = bench.docker.host();
        let program = Program::load(Path::new(BINARY), &image, &host).unwrap();
        let mut program = program.arg(flag);
        let variables = variables.iter();
        program
            .command()
            .envs(variables.clone().map(|name| (name, "1")));
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert_eq!(bench.marked(&image).len(), expected, "{variables:?} {flag}");
    }
}

#[test]
fn names_that_are_there_are_not_marked() {
    let bench = Bench::new();
    let image = bench.image("A=1");
    bench.load(&image, "--for-tests=no");
    bench.load(&image, "--for-tests=yes");
    assert!(bench.marked(&image).is_empty());
    for (lost, expected) in [("app:two", "two"), ("app:dev", "dev")] {
        let bench = Bench::new();
        bench.load(&image, "--for-tests=no");
        bench
            .docker
            .change_store(|store| assert!(store.remove_name(lost)));
        bench.load(&image, "--for-tests=yes");
        assert_eq!(bench.marked(&image), [expected]);
    }
}

#[test]
fn a_name_that_somebody_has_is_taken_and_stays_theirs() {
    let bench = Bench::new();
    let mine = bench.image("A=1");
    bench.load(&mine, "--for-tests=no");
    let image = bench.image("A=2");
    bench.load(&image, "--for-tests=yes");
    assert_eq!(bench.marked(&image), ["neither", "neither"]);
    assert_eq!(bench.docker.store().name("app:dev"), Some(image.id));
    // So it does for the next test that takes it, and when a mark is renewed.
    let next = bench.image("A=3");
    bench.load(&next, "--for-tests=yes");
    assert_eq!(bench.marked(&next), ["neither", "neither"]);
    let (mark, _) = bench.marks(&next).remove(0);
    let name = "app:dev".parse().unwrap();
    let old = Mark::without_name(SystemTime::now() - DAY - DAY, next.id, &name).unwrap();
    bench.docker.change_store(|store| {
        store.set_name(&old.name().to_string(), next.id);
        assert!(store.remove_name(&mark.name().to_string()));
    });
    bench.load(&next, "--for-tests=yes");
    let marks = bench.marks(&next);
    assert_eq!(marks.len(), 2, "{marks:?}");
    for (mark, what) in marks {
        assert!(what == "neither" && mark.age(SystemTime::now()) < DAY);
    }
}

#[test]
fn what_is_loaded_for_no_test_is_the_users() {
    let bench = Bench::new();
    let image = bench.image("A=1");
    bench.load(&image, "--for-tests=yes");
    assert_eq!(bench.marked(&image).len(), 2);
    bench.load(&image, "--for-tests=no");
    assert!(bench.marked(&image).is_empty());
    assert!(bench.docker.store().name("app:dev").is_some());
    // Now it takes no further request.
    bench.docker.take_requests();
    bench.load(&image, "--for-tests=no");
    assert_eq!(bench.docker.take_requests().len(), 2);
}

#[test]
fn a_mark_is_renewed_when_it_is_older_than_a_day() {
    let bench = Bench::new();
    let image = bench.image("A=1");
    bench.load(&image, "--for-tests=yes");
    let (fresh, what) = bench.marks(&image).remove(0);
    assert_eq!(what, "dev");
    bench.age_mark(&image, &fresh, "app:dev");
    let ages = || {
        let marks = bench.marks(&image).into_iter();
        let ages = marks.map(|(mark, what)| (mark.age(SystemTime::now()) > DAY, what));
        let mut ages: Vec<_> = ages.collect();
        ages.sort_unstable();
        ages
    };
    assert_eq!(ages(), [(false, "two"), (true, "dev")]);
    bench.load(&image, "--for-tests=yes");
    assert_eq!(ages(), [(false, "dev"), (false, "two")]);
}

#[test]
fn an_image_that_is_replaced_keeps_marks_that_stand_for_nothing() {
    for flag in ["--for-tests=yes", "--for-tests=no"] {
        let bench = Bench::new();
        let old = bench.image("A=1");
        bench.load(&old, "--for-tests=yes");
        let new = bench.image("A=2");
        bench.load(&new, flag);
        assert_eq!(bench.marked(&old), ["neither", "neither"], "{flag}");
        let name: Reference = "app:dev".parse().unwrap();
        assert_eq!(bench.docker.store().name(&name.familiar()), Some(new.id));
    }
}

/// Whatever tests did before with it and with its names.
#[test]
fn what_a_user_loads_has_no_mark_that_takes_its_names() {
    let (test, user) = ("--for-tests=yes", "--for-tests=no");
    for steps in [
        &[("A=1", test), ("A=1", user)][..],
        &[("A=1", test), ("A=2", user), ("A=1", user)],
        &[("A=1", test), ("A=2", test), ("A=1", user)],
        &[("A=1", test), ("A=2", test), ("A=1", test), ("A=2", user)],
        &[("A=1", user), ("A=2", test), ("A=1", test), ("A=2", user)],
    ] {
        let bench = Bench::new();
        let mut last = bench.image("A=0");
        for (environment, flag) in steps {
            last = bench.image(environment);
            bench.load(&last, flag);
        }
        let mut marked = bench.marked(&last).into_iter();
        assert!(marked.all(|what| what == "neither"), "{steps:?}");
        for name in ["app:dev", "app:two"] {
            assert_eq!(bench.docker.store().name(name), Some(last.id), "{steps:?}");
        }
    }
}

#[test]
fn a_mark_that_stays_is_no_failure() {
    let bench = Bench::new();
    let image = bench.image("A=1");
    bench.load(&image, "--for-tests=yes");
    bench.docker.inject(Fault::Status {
        path: "noprune=1",
        status: 500,
        body: r#"{"message": "the disk is worn out"}"#,
    });
    let finished = bench.load(&image, "--for-tests=no");
    assert_eq!(finished.report["outcome"], "unchanged");
    assert_eq!(bench.marked(&image).len(), 2);
}
