//! Engines to test with, and images that no other test has.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use stevedore_testing::{layer_tar, EngineApi, Finished, ImageFiles, LayerFile, Program};

use crate::listed::{self, Listed};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_stevedore-deliver");

/// One test at a time: they count what an engine has.
static ENGINES: Mutex<()> = Mutex::new(());

/// An engine for one test, and a place for images whose layers no other test has.
pub(crate) struct Bench {
    pub(crate) name: String,
    /// What else a client of this engine is told, such as where podman's settings are.
    #[allow(dead_code, reason = "tests of podman's command want it")]
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) socket: PathBuf,
    pub(crate) api: EngineApi,
    directory: tempfile::TempDir,
    pub(crate) unique: String,
}

/// Runs `test` with every engine on a Unix socket that speaks Docker's API, or podman's, and whose name `fits`; one at
/// least must.
pub(crate) fn with_engines(fits: impl Fn(&str) -> bool, test: impl Fn(&Bench)) {
    let _guard: MutexGuard<'_, ()> = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
    let mut count = 0;
    for engine in listed::engines() {
        let Some(socket) = engine.address.strip_prefix("unix://") else {
            continue;
        };
        if !fits(&engine.name) {
            continue;
        }
        count += 1;
        eprintln!("engine {}", engine.name);
        let bench = Bench::new(&engine, Path::new(socket));
        test(&bench);
        bench.api.remove_image(&bench.image_name()).unwrap();
    }
    assert!(count > 0, "no engine for this test in {}", listed::VARIABLE);
}

pub(crate) fn with_graphdrivers(test: impl Fn(&Bench)) {
    with_engines(|name| ["docker-20", "docker-28"].contains(&name), test);
}

impl Bench {
    fn new(engine: &Listed, socket: &Path) -> Self {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        Self {
            name: engine.name.clone(),
            variables: engine.variables.clone(),
            socket: socket.to_owned(),
            api: EngineApi::at(socket),
            directory: tempfile::tempdir().unwrap(),
            unique: format!("{}-{}", std::process::id(), now.as_nanos()),
        }
    }

    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Whether a load of new layers has uploaded none: podman 5.7 and later read them from this machine's disk.
    pub(crate) fn reads_from_disk(&self, loaded: &Finished) -> bool {
        self.name.starts_with("podman-5") && loaded.report["layers"]["sent"] == 0
    }

    pub(crate) fn image_name(&self) -> String {
        format!("stevedore-test-{}:dev", self.unique)
    }

    pub(crate) fn tar(&self, name: &str, size: usize) -> LayerFile {
        LayerFile::Tar(layer_tar(&format!("{}-{name}", self.unique), size).unwrap())
    }

    /// Small layers with these names.
    pub(crate) fn tars(&self, names: &[&str]) -> Vec<LayerFile> {
        names.iter().map(|name| self.tar(name, 200_000)).collect()
    }

    pub(crate) fn image(&self, layers: &[LayerFile], environment: &str) -> ImageFiles {
        let environment = format!("{environment}{}", self.unique);
        ImageFiles::write(
            self.directory.path(),
            layers,
            &environment,
            &[&self.image_name()],
        )
        .unwrap()
    }

    pub(crate) fn load(&self, image: &ImageFiles) -> Finished {
        self.load_by(image, &self.host())
    }

    pub(crate) fn load_by(&self, image: &ImageFiles, host: &str) -> Finished {
        Program::load(Path::new(BINARY), image, host)
            .unwrap()
            .run()
            .unwrap()
    }

    /// Loads; that must succeed with these figures.
    #[track_caller]
    pub(crate) fn loads(
        &self,
        image: &ImageFiles,
        outcome: &str,
        requests: u64,
        layers: [usize; 3],
    ) -> Finished {
        let finished = self.load(image);
        assert_eq!(finished.code, Some(0), "{}: {}", self.name, finished.stderr);
        assert_eq!(finished.report["outcome"], outcome, "{}", self.name);
        assert_eq!(finished.report["requests"], requests, "{}", self.name);
        let [total, present, sent] = layers;
        assert_eq!(
            finished.report["layers"],
            json!({"total": total, "present": present, "sent": sent}),
            "{}",
            self.name
        );
        self.has(image);
        finished
    }

    /// The requests of a load of layers that are not there, under a name that is not: an engine that may have either
    /// store is asked two questions more.
    pub(crate) fn first_load(&self) -> u64 {
        match self.has_one_kind_of_store() {
            true => 5,
            false => 7,
        }
    }

    /// The requests that give a further name to an image that is there.
    pub(crate) fn further_name(&self) -> u64 {
        match self.has_one_kind_of_store() {
            true => 4,
            false => 5,
        }
    }

    fn has_one_kind_of_store(&self) -> bool {
        self.name.starts_with("docker-20")
    }

    /// The engine has the image under its name, whole.
    #[track_caller]
    pub(crate) fn has(&self, image: &ImageFiles) {
        assert_eq!(
            self.api.image_id(&self.image_name()).unwrap(),
            Some(image.id.to_string()),
            "{}",
            self.name
        );
        assert_eq!(
            self.api.image_layers(&self.image_name()).unwrap(),
            json!(image.diff_ids),
            "{}",
            self.name
        );
    }

    /// The engine has what it had before: `count` images, and no temporary file.
    #[track_caller]
    pub(crate) fn is_clean(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let left = self.api.temporary_files().unwrap();
            if left.is_empty() {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "{}: temporary files remain: {left:?}",
                self.name
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(
            self.api.image_count().unwrap(),
            count,
            "{}: the number of images",
            self.name
        );
    }

    /// Makes a container that is not started, and gives its ID.
    pub(crate) fn make_container(&self, image: &str) -> String {
        let body = json!({"Image": image, "Cmd": ["/none"], "HostConfig": {"NetworkMode": "none"}});
        let (status, created) = self.api.call("POST", "/containers/create", &body).unwrap();
        assert_eq!(status, 201, "{created}");
        created["Id"].as_str().unwrap().to_owned()
    }
}
