//! Loads into a fake Docker with the containerd image store, of the kind that does not tell which blobs it has.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use stevedore_testing::{
    layer_tar, FakeDocker, Fault, Finished, ImageFiles, LayerFile, Personality, Program,
};

const BINARY: &str = env!("CARGO_BIN_EXE_stevedore-deliver");

struct Bench {
    docker: FakeDocker,
    image: ImageFiles,
    _directory: tempfile::TempDir,
}

impl Bench {
    fn new(personality: Personality) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let layers = ["base", "app"].map(|name| LayerFile::Tar(layer_tar(name, 100_000).unwrap()));
        Self {
            docker: FakeDocker::start(personality).unwrap(),
            image: ImageFiles::write(directory.path(), &layers, "A=1", &["app:dev"]).unwrap(),
            _directory: directory,
        }
    }

    fn load(&self) -> Finished {
        let program = Program::load(Path::new(BINARY), &self.image, &self.docker.host());
        program.unwrap().run().unwrap()
    }

    /// The load fails with this text, and leaves nothing.
    #[track_caller]
    fn fails(&self, text: &str) {
        let finished = self.load();
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        assert!(finished.stderr.contains(text), "{}", finished.stderr);
        assert_eq!(self.docker.oci_store().name("app:dev"), None);
        assert_eq!(self.docker.oci_store().image_count(), 0);
    }
}

const CONTAINERD: [Personality; 2] = [
    Personality::DOCKER_28_CONTAINERD,
    Personality::DOCKER_25_CONTAINERD,
];

#[test]
fn everything_is_sent_where_the_engine_does_not_tell_what_it_has() {
    for personality in CONTAINERD {
        let bench = Bench::new(personality);
        let finished = bench.load();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let note = "does not tell which blobs it has, every layer is sent";
        assert!(finished.stderr.contains(note), "{}", finished.stderr);
        assert!(finished.stderr.contains("403"), "{}", finished.stderr);
        assert_eq!(finished.report["layers"]["sent"], 2);
        let id = bench
            .docker
            .oci_store()
            .name("app:dev")
            .unwrap()
            .to_string();
        assert_eq!(finished.report["image_id"], id);
        assert_eq!(bench.load().report["outcome"], "unchanged");
    }
}

#[test]
fn an_image_that_is_not_unpacked_is_removed_and_has_no_name() {
    for personality in CONTAINERD {
        let bench = Bench::new(personality);
        let reason = "write /x: no space left on device";
        bench.docker.inject(Fault::NotUnpacked { reason });
        bench.fails("its disk is full");
        let reason = "failed to extract layer";
        bench.docker.inject(Fault::NotUnpacked { reason });
        bench.fails("failed to extract layer");
    }
}

#[test]
fn an_image_with_another_id_gets_no_name() {
    let bench = Bench::new(Personality::DOCKER_28_CONTAINERD);
    bench.docker.inject(Fault::WrongId);
    bench.fails("the engine loaded `//app:image` as");
}
