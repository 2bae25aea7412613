//! What real engines make of marks.

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use stevedore_delivery::Mark;
use stevedore_image::reference::Reference;
use stevedore_testing::{Finished, ImageFiles, LayerFile, Program};

use crate::bench::{with_engines, Bench, BINARY};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An image under a name of its own, in one engine.
pub(crate) struct Subject<'a> {
    pub(crate) bench: &'a Bench,
    pub(crate) name: String,
    pub(crate) files: ImageFiles,
    _directory: tempfile::TempDir,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(bench: &'a Bench, what: &str) -> Self {
        Self::of(bench, what, &[bench.tar(what, 100_000)])
    }

    pub(crate) fn of(bench: &'a Bench, what: &str, layers: &[LayerFile]) -> Self {
        let name = format!("stevedore-test-{}-{what}:dev", bench.unique);
        let directory = tempfile::tempdir().unwrap();
        let files =
            ImageFiles::write(directory.path(), layers, &format!("A={name}"), &[&name]).unwrap();
        Self {
            bench,
            name,
            files,
            _directory: directory,
        }
    }

    pub(crate) fn program(&self) -> Program {
        Program::load(Path::new(BINARY), &self.files, &self.bench.host()).unwrap()
    }

    #[track_caller]
    pub(crate) fn load(&self, flag: &str) -> Finished {
        let finished = self.program().arg(flag).run().unwrap();
        let engine = &self.bench.name;
        assert_eq!(finished.code, Some(0), "{engine}: {}", finished.stderr);
        finished
    }

    pub(crate) fn id(&self) -> Option<String> {
        self.bench.api.image_id(&self.name).unwrap()
    }

    /// The names of the image that is called `name`.
    pub(crate) fn names_of(&self, name: &str) -> Vec<Reference> {
        let path = format!("/images/{name}/json");
        let (_, image) = self.bench.api.call("GET", &path, &Value::Null).unwrap();
        let names = image["RepoTags"].as_array().cloned().unwrap_or_default();
        let names = names.iter().filter_map(Value::as_str);
        names.map(|name| name.parse().unwrap()).collect()
    }

    /// The marks of the image that has the name.
    pub(crate) fn marks(&self) -> Vec<Mark> {
        let names = self.names_of(&self.name);
        names.iter().filter_map(Mark::of).collect()
    }

    pub(crate) fn tag(&self, name: &Reference) {
        let id = self.id().unwrap();
        let (repository, tag) = (name.repository().normalized(), name.tag().unwrap());
        let path = format!("/images/{id}/tag?repo={repository}&tag={tag}");
        let (status, answer) = self.bench.api.call("POST", &path, &Value::Null).unwrap();
        assert_eq!(status, 201, "{answer}");
    }

    /// Makes its marks as old as this.
    pub(crate) fn age(&self, age: Duration) {
        let reference: Reference = self.name.parse().unwrap();
        for mark in self.marks() {
            let made = SystemTime::now() - age;
            let old = match mark.stands_for(&reference) {
                true => Mark::new(made, self.files.id, &reference),
                false => Mark::without_name(made, self.files.id, &reference),
            };
            let old = old.unwrap();
            self.tag(old.name());
            let path = format!("/images/{}", mark.name());
            let (status, answer) = self.bench.api.call("DELETE", &path, &Value::Null).unwrap();
            assert_eq!(status, 200, "{answer}");
        }
    }

    /// Removes it, whatever has become of it.
    pub(crate) fn remove(&self) {
        if let Some(id) = self.id() {
            self.bench.api.remove_image(&id).unwrap();
        }
    }
}

/// Each kind of engine in which images are marked.
pub(crate) fn with_all(test: impl Fn(&Bench)) {
    with_engines(|name| !name.contains('@'), test);
}

#[test]
fn a_mark_changes_neither_the_id_nor_what_a_further_load_costs() {
    with_all(|bench| {
        let subject = Subject::new(bench, "marked");
        let plain = subject.load("--for-tests=no");
        let warm = subject.load("--for-tests=no");
        assert!(subject.marks().is_empty());
        subject.remove();
        let marked = subject.load("--for-tests=yes");
        let engine = &bench.name;
        for field in ["image_id", "manifest_digest", "references", "layers"] {
            assert_eq!(
                marked.report[field], plain.report[field],
                "{engine} {field}"
            );
        }
        let marks = subject.marks();
        assert_eq!(marks.len(), 1, "{engine}: {marks:?}");
        assert!(marks[0].stands_for(&subject.name.parse().unwrap()));
        let again = subject.load("--for-tests=yes");
        assert_eq!(again.report["outcome"], "unchanged", "{engine}");
        assert_eq!(
            again.report["requests"], warm.report["requests"],
            "{engine}"
        );
        assert_eq!(subject.marks(), marks, "{engine}");
        subject.remove();
    });
}

#[test]
fn a_mark_is_renewed_and_a_user_takes_it_away() {
    with_all(|bench| {
        let subject = Subject::new(bench, "renewed");
        subject.load("--for-tests=yes");
        subject.age(2 * DAY);
        let ages = || {
            let marks = subject.marks();
            let ages = marks.iter().map(|mark| mark.age(SystemTime::now()) > DAY);
            ages.collect::<Vec<_>>()
        };
        assert_eq!(ages(), [true], "{}", bench.name);
        subject.load("--for-tests=yes");
        assert_eq!(ages(), [false], "{}", bench.name);
        subject.load("--for-tests=no");
        assert!(subject.marks().is_empty(), "{}", bench.name);
        assert!(subject.id().is_some());
        subject.remove();
    });
}

#[test]
fn an_image_that_is_replaced_is_no_leftover_without_a_name() {
    with_all(|bench| {
        let old = Subject::new(bench, "replaced");
        let loaded = old.load("--for-tests=yes");
        let id = loaded.report["image_id"].as_str().unwrap().to_owned();
        let layers = [bench.tar("replacement", 100_000)];
        let new = Subject::of(bench, "replaced", &layers);
        new.load("--for-tests=yes");
        assert_ne!(new.id().unwrap(), id);
        let names = old.names_of(&id);
        let marks: Vec<_> = names.iter().filter_map(Mark::of).collect();
        assert_eq!((names.len(), marks.len()), (1, 1), "{}", bench.name);
        new.remove();
        bench.api.remove_image(&id).unwrap();
    });
}
