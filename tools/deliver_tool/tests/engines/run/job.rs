//! One run: its spec, its files, and what came of it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{json, Value};
use stevedore_testing::{system_layer, Finished, ImageFiles, LayerFile, Program};

use super::runners::Runner;
use crate::bench::BINARY;

/// Where the agent is, which `dev/test` has built.
const AGENT: &str = "STEVEDORE_TEST_AGENT";

/// A run that has not begun.
pub(crate) struct Job {
    runner: Runner,
    folder: tempfile::TempDir,
    spec: Value,
}

/// What came of a run that did not fail.
pub(crate) struct Layer {
    /// Standard error: what the commands said.
    pub(crate) output: String,
    /// The digest of the tar.
    pub(crate) digest: String,
    /// The bytes of the tar.
    pub(crate) tar: Vec<u8>,
    entries: BTreeMap<String, Value>,
    names: Vec<String>,
}

impl Job {
    pub(crate) fn new(runner: &Runner, commands: &[&str]) -> Self {
        Self::on(runner, &[LayerFile::Tar(system())], commands)
    }

    /// A run in another image.
    pub(crate) fn on(runner: &Runner, layers: &[LayerFile], commands: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let image = ImageFiles::write(folder.path(), layers, "PATH=/bin", &[]).unwrap();
        let tars: Vec<_> = (0..layers.len())
            .map(|index| json!({"tar": image.tar(index)}))
            .collect();
        let engine = match runner.host {
            Some(_) => "daemon",
            None => "sandbox",
        };
        let spec = json!({
            "kind": "run", "label": "//app:change",
            "base": {"label": "//app:base", "config": image.file("config.json"),
                "description": image.file("description.json"), "layers": tars, "base_layout": null},
            "commands": commands, "shell": ["/bin/sh", "-e", "-c"],
            "env": {}, "user": "", "workdir": "", "inputs": [], "caches": {}, "secrets": {}, "tmpfs": {},
            "memory": null, "cpus": null, "timeout": 120, "network": "none", "engine": engine,
            "collect": {"layer": {"normalize": true, "allow_empty": false}},
        });
        Self {
            runner: runner.clone(),
            folder,
            spec,
        }
    }

    /// Sets a field of the spec.
    pub(crate) fn with(mut self, field: &str, value: Value) -> Self {
        self.spec[field] = value;
        self
    }

    /// Runs this instead of commands of a shell.
    pub(crate) fn exact(mut self, argv: &[&str]) -> Self {
        if let Some(spec) = self.spec.as_object_mut() {
            spec.remove("commands");
            spec.remove("shell");
        }
        self.with("argv", json!(argv))
    }

    /// A path in the run's own folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into it.
    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.file(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// The image's config and description, changed by `edit` in what they have of it.
    pub(crate) fn edit_base(&self, edit: impl Fn(&mut Value)) {
        let [config, description] = ["config", "description"]
            .map(|name| PathBuf::from(self.spec["base"][name].as_str().unwrap()));
        let mut parsed: Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
        edit(&mut parsed);
        let text = parsed.to_string();
        fs::write(config, &text).unwrap();
        let mut described: Value =
            serde_json::from_slice(&fs::read(&description).unwrap()).unwrap();
        let digest = stevedore_image::digest::Digest::of(text.as_bytes());
        described["config"]["digest"] = json!(digest);
        described["config"]["size"] = json!(text.len());
        described["platform"]["architecture"] = parsed["architecture"].clone();
        fs::write(description, described.to_string()).unwrap();
    }

    /// The call, which can be changed and started.
    pub(crate) fn program(&self) -> Program {
        fs::write(self.file("spec.json"), self.spec.to_string()).unwrap();
        let agent = std::env::var_os(AGENT);
        let agent = PathBuf::from(agent.unwrap_or_else(|| panic!("{AGENT} names no program")));
        let program = Program::run_commands(Path::new(BINARY), self.folder.path(), &agent).unwrap();
        match &self.runner.host {
            Some(host) => program.arg(format!("--host={host}")),
            None => {
                let mut program = program;
                program.command().env("STEVEDORE_CACHE", cache());
                program
            }
        }
    }

    /// Runs, whatever comes of it.
    pub(crate) fn run(&self) -> Finished {
        self.program().run().unwrap()
    }

    /// Runs; that must make a layer.
    #[track_caller]
    pub(crate) fn makes_layer(&self) -> Layer {
        let finished = self.run();
        self.layer(&finished)
    }

    /// What it made, when it has ended.
    #[track_caller]
    pub(crate) fn layer(&self, finished: &Finished) -> Layer {
        assert_eq!(
            finished.code,
            Some(0),
            "{}: {}",
            self.runner.name,
            finished.stderr
        );
        let tar = fs::read(self.file("layer.tar")).unwrap();
        let told = fs::read(self.file("layer.json")).unwrap();
        let told: Value = serde_json::from_slice(&told).unwrap();
        let digest = stevedore_image::digest::Digest::of(&tar).to_string();
        assert_eq!(told, json!({"diff_id": digest, "size": tar.len()}));
        let (names, entries) = read(&tar);
        Layer {
            output: finished.stderr.clone(),
            digest,
            tar,
            entries,
            names,
        }
    }

    /// Runs; that must fail with this text, and leave nothing.
    #[track_caller]
    pub(crate) fn fails(&self, text: &str) -> Finished {
        let finished = self.run();
        let name = &self.runner.name;
        assert_eq!(finished.code, Some(1), "{name}: {}", finished.stderr);
        let all = &finished.stderr;
        assert!(all.contains(text), "{name}: no `{text}` in: {all}");
        assert!(
            all.contains("error: `//app:change` failed"),
            "{name}: {all}"
        );
        for output in ["layer.tar", "layer.json"] {
            assert!(!self.file(output).exists(), "{name}: there is a {output}");
        }
        self.runner.is_clean();
        finished
    }
}

impl Layer {
    /// The names in the layer, in its order.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    /// What is said of one.
    #[track_caller]
    pub(crate) fn entry(&self, name: &str) -> &Value {
        match self.entries.get(name) {
            Some(entry) => entry,
            None => panic!("no `{name}` in {:?}", self.names),
        }
    }
}

fn read(tar: &[u8]) -> (Vec<String>, BTreeMap<String, Value>) {
    let (mut names, mut entries) = (Vec::new(), BTreeMap::new());
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut xattrs = serde_json::Map::new();
        for extension in entry.pax_extensions().unwrap().into_iter().flatten() {
            let extension = extension.unwrap();
            if let Some(key) = extension.key().unwrap().strip_prefix("SCHILY.xattr.") {
                xattrs.insert(key.to_owned(), json!(extension.value_bytes()));
            }
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let header = entry.header();
        let link = entry.link_name_bytes();
        let value = json!({
            "kind": format!("{:?}", header.entry_type()),
            "mode": format!("{:o}", header.mode().unwrap()),
            "owner": format!("{}:{}", header.uid().unwrap(), header.gid().unwrap()),
            "mtime": header.mtime().unwrap(),
            "link": link.map(|link| String::from_utf8_lossy(&link).into_owned()),
            "device": [header.device_major().ok().flatten(), header.device_minor().ok().flatten()],
            "size": content.len(),
            "content": String::from_utf8_lossy(&content[..content.len().min(1000)]),
            "xattrs": xattrs,
        });
        names.push(name.clone());
        entries.insert(name, value);
    }
    (names, entries)
}

/// The small system, the same for all tests: an engine gets it once.
fn system() -> Vec<u8> {
    static SYSTEM: OnceLock<Vec<u8>> = OnceLock::new();
    SYSTEM.get_or_init(|| system_layer(&[]).unwrap()).clone()
}

/// Where the sandbox keeps unpacked layers.
fn cache() -> &'static Path {
    static CACHE: OnceLock<tempfile::TempDir> = OnceLock::new();
    CACHE.get_or_init(|| tempfile::tempdir().unwrap()).path()
}
