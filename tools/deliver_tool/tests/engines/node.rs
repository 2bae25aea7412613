//! A containerd to test with, as Kubernetes' nodes have one.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use stevedore_testing::{layer_tar, Finished, ImageFiles, LayerFile, Program};

use crate::bench::BINARY;
use crate::listed::{self, VARIABLE};

/// One test at a time: they wait for what a garbage collector leaves.
static NODES: Mutex<()> = Mutex::new(());

/// A namespace of its own for one test, in a real containerd.
pub(crate) struct Node {
    pub(crate) socket: PathBuf,
    pub(crate) namespace: String,
    directory: tempfile::TempDir,
}

/// Runs `test` with every containerd of the list; one at least must be there.
pub(crate) fn with_nodes(test: impl Fn(&Node)) {
    with_those(|name| !name.contains("tmpfs"), test);
}

/// The same with those whose disk is small.
pub(crate) fn with_small_nodes(test: impl Fn(&Node)) {
    with_those(|name| name.contains("tmpfs"), test);
}

fn with_those(fits: impl Fn(&str) -> bool, test: impl Fn(&Node)) {
    let _guard: MutexGuard<'_, ()> = NODES.lock().unwrap_or_else(PoisonError::into_inner);
    let mut count = 0;
    for engine in listed::engines() {
        let Some(address) = engine.address.strip_prefix("containerd://") else {
            continue;
        };
        if fits(&engine.name) {
            count += 1;
            eprintln!("engine {}", engine.name);
            let socket = address
                .split_once('?')
                .map_or(address, |(socket, _)| socket);
            let node = Node::new(Path::new(socket));
            test(&node);
            node.remove();
        }
    }
    assert!(count > 0, "no containerd for this test in {VARIABLE}");
}

impl Node {
    fn new(socket: &Path) -> Self {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        let node = Self {
            socket: socket.to_owned(),
            namespace: format!("test-{}-{}", std::process::id(), now.as_nanos()),
            directory: tempfile::tempdir().unwrap(),
        };
        node.ctr(&["namespaces", "create", &node.namespace]);
        node
    }

    fn remove(&self) {
        self.ctr(&["images", "rm", "--sync", &self.image_name()]);
        self.waits_until("the namespace is empty", || {
            self.lines(&["content", "ls", "-q"]).is_empty()
                && self.lines(&["snapshots", "ls"]).len() == 1
        });
        self.ctr(&["namespaces", "rm", &self.namespace]);
    }

    /// Runs `ctr`, which must succeed, and gives what it prints.
    #[track_caller]
    pub(crate) fn ctr(&self, arguments: &[&str]) -> String {
        let output = Command::new("ctr")
            .arg("--address")
            .arg(&self.socket)
            .args(["--namespace", &self.namespace])
            .args(arguments)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ctr {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    pub(crate) fn lines(&self, arguments: &[&str]) -> Vec<String> {
        self.ctr(arguments).lines().map(str::to_owned).collect()
    }

    pub(crate) fn host(&self) -> String {
        format!(
            "containerd://{}?namespace={}",
            self.socket.display(),
            self.namespace
        )
    }

    /// What images are called here, in full.
    pub(crate) fn image_name(&self) -> String {
        format!("docker.io/library/stevedore-{}:dev", self.namespace)
    }

    /// A layer that no other test has.
    pub(crate) fn tar(&self, name: &str, size: usize) -> LayerFile {
        LayerFile::Tar(self.bytes(name, size))
    }

    pub(crate) fn bytes(&self, name: &str, size: usize) -> Vec<u8> {
        layer_tar(&format!("{}-{name}", self.namespace), size).unwrap()
    }

    pub(crate) fn image(&self, layers: &[LayerFile], environment: &str) -> ImageFiles {
        let familiar = format!("stevedore-{}:dev", self.namespace);
        let environment = format!("{environment}{}", self.namespace);
        ImageFiles::write(self.directory.path(), layers, &environment, &[&familiar]).unwrap()
    }

    /// An image in files of its own, beside others.
    pub(crate) fn image_in(&self, folder: &str, layers: &[LayerFile], name: &str) -> ImageFiles {
        let directory = self.directory.path().join(folder);
        ImageFiles::write(&directory, layers, &format!("A={folder}"), &[name]).unwrap()
    }

    pub(crate) fn program(&self, image: &ImageFiles) -> Program {
        Program::load(Path::new(BINARY), image, &self.host()).unwrap()
    }

    pub(crate) fn load(&self, image: &ImageFiles) -> Finished {
        self.program(image).run().unwrap()
    }

    /// Loads; that must succeed with these counts of layers: total, present, sent.
    #[track_caller]
    pub(crate) fn loads(&self, image: &ImageFiles, outcome: &str, layers: [usize; 3]) -> Finished {
        let finished = self.load(image);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert_eq!(finished.report["outcome"], outcome);
        let [total, present, sent] = layers;
        assert_eq!(
            finished.report["layers"],
            json!({"total": total, "present": present, "sent": sent})
        );
        self.has(&self.image_name(), image);
        finished
    }

    /// The image is there under this name, complete, unpacked and exportable.
    #[track_caller]
    pub(crate) fn has(&self, name: &str, image: &ImageFiles) {
        let filter = format!("name=={name}");
        let check = self.lines(&["images", "check", &filter]);
        let line = check.last().unwrap();
        // The config, and the layers; one that occurs twice counts twice.
        let parts = image.diff_ids.len() + 1;
        assert!(
            line.contains(&format!("complete ({parts}/{parts})")),
            "{line}"
        );
        assert!(line.trim_end().ends_with("true"), "not unpacked: {line}");
        let archive = self.directory.path().join("export.tar");
        self.ctr(&["images", "export", &archive.to_string_lossy(), name]);
    }

    /// Nothing is left but the image: no lease, no write, no half unpacked layer, no blob of another image.
    #[track_caller]
    pub(crate) fn is_clean(&self, blobs: usize, layers: usize) {
        assert!(self.lines(&["leases", "ls", "-q"]).is_empty(), "leases");
        self.waits_until("nothing is left", || {
            let snapshots = self.lines(&["snapshots", "ls"]);
            self.lines(&["content", "active"]).len() == 1
                && self.lines(&["content", "ls", "-q"]).len() == blobs
                && snapshots.len() == layers + 1
                && snapshots[1..].iter().all(|line| line.contains("Committed"))
        });
    }

    /// Waits until somebody writes a large blob.
    pub(crate) fn waits_for_a_write(&self) {
        self.waits_until("a layer is written", || {
            let writes = self.lines(&["content", "active"]);
            writes.iter().any(|line| line.contains("MB"))
        });
    }

    #[track_caller]
    fn waits_until(&self, what: &str, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !is_so() {
            let content = self.ctr(&["content", "ls"]) + &self.ctr(&["content", "active"]);
            let snapshots = self.ctr(&["snapshots", "ls"]);
            assert!(
                Instant::now() < deadline,
                "not so: {what}\n{content}\n{snapshots}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Sends a signal to a process that is ours.
pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}
