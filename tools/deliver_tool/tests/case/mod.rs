//! A load that fails, and what it must not change.
// Not every test program uses all of it.
#![allow(dead_code)]

use std::path::Path;
use std::time::{Duration, Instant};

use stevedore_image::digest::Digest;
use stevedore_testing::{
    layer_tar, FakeDocker, Finished, ImageFiles, LayerFile, Personality, Program,
};

/// The program that is tested.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_stevedore-deliver");
/// The size of the file in a layer that is not small.
pub(crate) const LAYER: usize = 3_000_000;

/// A fake engine that has another image of the name `app:dev`, and an image to be loaded.
pub(crate) struct Case {
    pub(crate) docker: FakeDocker,
    pub(crate) image: ImageFiles,
    _directory: tempfile::TempDir,
}

impl Case {
    pub(crate) fn new() -> Self {
        Self::with(&[LayerFile::Tar(layer_tar("base", LAYER).unwrap())])
    }

    pub(crate) fn with(layers: &[LayerFile]) -> Self {
        Self::of(layers, Personality::DOCKER_28)
    }

    pub(crate) fn of(layers: &[LayerFile], personality: Personality) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let docker = FakeDocker::start(personality).unwrap();
        docker.change_store(|store| store.set_name("app:dev", old()));
        Self {
            docker,
            image: ImageFiles::write(directory.path(), layers, "A=1", &["app:dev"]).unwrap(),
            _directory: directory,
        }
    }

    pub(crate) fn program(&self) -> Program {
        Program::load(Path::new(BINARY), &self.image, &self.docker.host()).unwrap()
    }

    /// Loads; that must fail with this exit code and this text, and change nothing.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, text: &str) -> Finished {
        let finished = self.program().run().unwrap();
        self.check(&finished, code, text);
        finished
    }

    #[track_caller]
    pub(crate) fn check(&self, finished: &Finished, code: i32, text: &str) {
        assert_eq!(finished.code, Some(code), "{}", finished.stderr);
        assert!(
            finished.stderr.contains(text),
            "no `{text}` in: {}",
            finished.stderr
        );
        assert!(
            finished
                .stderr
                .contains("`//app:load` failed to load `//app:image`"),
            "{}",
            finished.stderr
        );
        assert_eq!(finished.stdout, "");
        assert_eq!(finished.report["outcome"], "failed");
        let error = finished.report["error"].as_str().unwrap_or_default();
        assert!(error.contains(text), "no `{text}` in the report: {error}");
        let store = self.docker.store();
        assert_eq!(store.name("app:dev"), Some(old()), "a name has moved");
        assert_eq!(store.image_count(), 0, "an image has come");
    }
}

impl Case {
    /// The engine notices that an upload ends too early; that may be after the program has ended.
    #[track_caller]
    pub(crate) fn sees_an_upload_break(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self
            .docker
            .take_requests()
            .iter()
            .all(|request| request.complete)
        {
            assert!(Instant::now() < deadline, "no upload has broken");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The image that has the name before.
pub(crate) fn old() -> Digest {
    Digest::of(b"an older image")
}
