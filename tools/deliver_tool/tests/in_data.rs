//! A load in the data of a test: it finds its files by itself, and opens no more of them than are needed.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use stevedore_testing::{layer_tar, FakeDocker, ImageFiles, LayerFile, Personality};

const BINARY: &str = env!("CARGO_BIN_EXE_stevedore-deliver");

struct Bench {
    docker: FakeDocker,
    directory: tempfile::TempDir,
    image: ImageFiles,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let layers = ["base", "app"].map(|name| LayerFile::Tar(layer_tar(name, 1000).unwrap()));
        let image = ImageFiles::write(directory.path(), &layers, "A=1", &["app:dev"]).unwrap();
        symlink(std::path::absolute(BINARY).unwrap(), image.executable()).unwrap();
        Self {
            docker: FakeDocker::start(Personality::DOCKER_28).unwrap(),
            directory,
            image,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs it as this path, from `/`, without any environment.
    #[track_caller]
    fn loads(&self, executable: &Path) -> String {
        let output = Command::new(executable)
            .env_clear()
            .current_dir("/")
            .arg(format!("--host={}", self.docker.host()))
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{stderr}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "app:dev\n");
        assert_eq!(self.docker.store().name("app:dev"), Some(self.image.id));
        stderr
    }
}

#[test]
fn a_tree_beside_it_is_found() {
    let bench = Bench::new();
    bench.loads(&bench.image.executable());
}

#[test]
fn a_manifest_beside_it_will_do() {
    let bench = Bench::new();
    let elsewhere = bench.path("elsewhere");
    fs::rename(bench.path("load.runfiles"), &elsewhere).unwrap();
    let files = ["config.json", "description.json", "tags", "0.tar", "1.tar"];
    let lines = files.map(|file| {
        let path = elsewhere.join("_main").join(file);
        format!("_main/{file} {}\n", path.display())
    });
    fs::write(bench.path("load.runfiles_manifest"), lines.concat()).unwrap();
    bench.loads(&bench.image.executable());
}

#[test]
fn the_tree_of_what_it_is_nested_in_is_found() {
    let bench = Bench::new();
    let outer = bench.path("it_test.runfiles");
    fs::rename(bench.path("load.runfiles"), &outer).unwrap();
    fs::create_dir(outer.join("_main/app")).unwrap();
    for file in ["load", "load.delivery.json"] {
        fs::rename(bench.path(file), outer.join("_main/app").join(file)).unwrap();
    }
    bench.loads(&outer.join("_main/app/load"));
}

#[test]
fn layers_that_the_engine_has_need_not_be_there() {
    let bench = Bench::new();
    bench.loads(&bench.image.executable());
    for layer in 0..2 {
        fs::remove_file(bench.image.tar(layer)).unwrap();
    }
    let said = bench.loads(&bench.image.executable());
    assert!(
        said.contains("unchanged app:dev: 0 of 2 layers sent"),
        "{said}"
    );
    // Nor if the image itself is not, but all of its layers are.
    bench.docker.change_store(|store| store.remove_images());
    let said = bench.loads(&bench.image.executable());
    assert!(
        said.contains("loaded app:dev: 0 of 2 layers sent"),
        "{said}"
    );
}
