//! A registry, a repository in it that no other test has, and images that are pushed there.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use stevedore_image::compression::Compression;
use stevedore_testing::{
    layer_tar, Finished, LayerFile, PassedRequest, Program, PushFiles, PushedImage, RegistryApi,
    RegistryProxy, RegistryRule,
};

use crate::listed::{self, Listed};

/// The program that is tested.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_stevedore-deliver");

/// The size of the file in a layer, in bytes. It does not compress.
const SMALL: usize = 100_000;
/// That of a layer in the middle of which something happens.
pub(crate) const LARGE: usize = 3_000_000;

/// A registry, behind a proxy that writes down what is asked.
pub(crate) struct Bench {
    pub(crate) registry: Listed,
    pub(crate) proxy: RegistryProxy,
    pub(crate) api: RegistryApi,
    /// The path of the repository.
    pub(crate) repository: String,
    folder: tempfile::TempDir,
    written: AtomicUsize,
}

/// Runs a test with each registry that takes what comes, and keeps it for everybody.
#[track_caller]
pub(crate) fn with_registries(test: impl Fn(&Bench)) {
    let open = listed::registries();
    let open = open.iter().filter(|registry| !registry.name.contains('@'));
    let mut count = 0;
    for registry in open {
        eprintln!("== {}", registry.name);
        test(&Bench::before(registry.clone()));
        count += 1;
    }
    assert!(count > 0, "no open registry in {}", listed::VARIABLE);
}

impl Bench {
    /// With the registry of this name.
    #[track_caller]
    pub(crate) fn with(name: &str) -> Self {
        Self::before(listed::registry(name))
    }

    fn before(registry: Listed) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.unwrap().as_nanos();
        Self {
            proxy: RegistryProxy::start(&registry.address).unwrap(),
            api: RegistryApi::at(&registry.address),
            repository: format!("stevedore/test-{now}"),
            folder: tempfile::tempdir().unwrap(),
            written: AtomicUsize::new(0),
            registry,
        }
    }

    pub(crate) fn add(&self, rule: RegistryRule) {
        self.proxy.add(rule);
    }

    /// The repository behind the proxy.
    pub(crate) fn proxied(&self) -> String {
        format!("{}/{}", self.proxy.address(), self.repository)
    }

    /// The repository without the proxy.
    pub(crate) fn direct(&self) -> String {
        format!("{}/{}", self.registry.address, self.repository)
    }

    /// A layer that no other test has, as a gzip of its own.
    pub(crate) fn layer(&self, name: &str) -> LayerFile {
        LayerFile::Tar(self.tar(name, SMALL))
    }

    /// One in the middle of which something happens.
    pub(crate) fn large_layer(&self, name: &str) -> LayerFile {
        LayerFile::Tar(self.tar(name, LARGE))
    }

    /// One of so many bytes.
    pub(crate) fn layer_of(&self, name: &str, size: usize) -> LayerFile {
        LayerFile::Tar(self.tar(name, size))
    }

    fn tar(&self, name: &str, size: usize) -> Vec<u8> {
        let name = format!("{}-{name}", self.repository.replace('/', "-"));
        layer_tar(&name, size).unwrap()
    }

    /// The same as a layer of a base.
    pub(crate) fn base_layer(&self, name: &str) -> LayerFile {
        LayerFile::Blob(self.tar(name, SMALL), Compression::Gzip)
    }

    /// A folder that is not used yet.
    pub(crate) fn place(&self) -> PathBuf {
        let number = self.written.fetch_add(1, Ordering::SeqCst);
        let place = self.folder.path().join(number.to_string());
        std::fs::create_dir(&place).unwrap();
        place
    }

    /// An image of these layers, for the tag `v1` behind the proxy.
    pub(crate) fn image(&self, layers: &[LayerFile]) -> PushFiles {
        PushFiles::write(&self.place(), layers, &self.proxied(), &["v1"]).unwrap()
    }

    /// The same without the proxy.
    pub(crate) fn direct_image(&self, layers: &[LayerFile]) -> PushFiles {
        PushFiles::write(&self.place(), layers, &self.direct(), &["v1"]).unwrap()
    }

    /// An image of two layers, for the tag `v1` behind the proxy.
    pub(crate) fn small_image(&self) -> PushFiles {
        self.image(&[self.base_layer("base"), self.layer("app")])
    }

    /// An image whose one layer takes a while, for the same.
    pub(crate) fn large_image(&self) -> PushFiles {
        self.image(&[self.large_layer("large")])
    }

    /// Pushes, which must do this.
    #[track_caller]
    pub(crate) fn pushes(&self, files: &PushFiles, outcome: &str) -> Finished {
        ran(program(files), outcome)
    }

    /// The repository has the image, all of it, and `v1` stands for it.
    #[track_caller]
    pub(crate) fn has(&self, image: &PushedImage) {
        let tagged = self.api.tag(&self.repository, "v1").unwrap();
        assert_eq!(tagged, Some(image.manifest.digest), "the tag");
        for blob in image.blobs.iter().chain([&image.config]) {
            let has = self.api.has_blob(&self.repository, &blob.digest).unwrap();
            assert!(has, "{} is not there", blob.digest);
        }
    }

    /// Pushes; that must fail with this exit code and these texts, and tag nothing.
    #[track_caller]
    pub(crate) fn fails(&self, files: &PushFiles, code: i32, texts: &[&str]) -> Finished {
        let finished = failed(program(files), code, texts);
        self.has_no_tags();
        finished
    }

    /// Takes the image out of the repository.
    pub(crate) fn forget(&self, image: &PushedImage) {
        let digest = image.manifest.digest.to_string();
        for reference in ["v1", digest.as_str()] {
            let removed = self.api.remove_manifest(&self.repository, reference);
            removed.unwrap();
        }
    }

    #[track_caller]
    pub(crate) fn has_no_tags(&self) {
        let tags = self.api.tags(&self.repository).unwrap();
        assert!(tags.is_empty(), "{tags:?}");
    }

    /// The requests since the last call with this method whose path contains `path`.
    pub(crate) fn requests(&self, method: &str, path: &str) -> Vec<PassedRequest> {
        let mut requests = self.proxy.take_requests();
        requests.retain(|request| request.method == method && request.path.contains(path));
        requests
    }
}

/// A push of these files, as a test changes it.
pub(crate) fn program(files: &PushFiles) -> Program {
    Program::push(Path::new(BINARY), files).unwrap()
}

/// Runs a program, which must do this.
#[track_caller]
pub(crate) fn ran(program: Program, outcome: &str) -> Finished {
    let finished = program.run().unwrap();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(finished.report["outcome"], outcome, "{}", finished.stderr);
    finished
}

/// Runs a program, which must fail with this exit code and these texts.
#[track_caller]
pub(crate) fn failed(program: Program, code: i32, texts: &[&str]) -> Finished {
    let finished = program.run().unwrap();
    assert_eq!(finished.code, Some(code), "{}", finished.stderr);
    let error = finished.report["error"].as_str().unwrap_or_default();
    for text in texts {
        assert!(
            finished.stderr.contains(text),
            "no `{text}` in: {}",
            finished.stderr
        );
    }
    assert!(!error.is_empty(), "no error in {}", finished.report);
    assert_eq!(finished.report["outcome"], "failed");
    finished
}
