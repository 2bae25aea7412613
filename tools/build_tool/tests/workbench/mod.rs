//! A folder to run `stevedore-build` in, and what tests ask of it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test program uses a part of it, and a test may panic"
)]

pub(crate) mod image;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{json, Value};
use stevedore_image::compression::{Compression, Compressor};

pub(crate) const LABEL: &str = "//app:layer";

/// A temporary folder. Paths in recipes and arguments are relative to it, as they are to Bazel's execution root.
pub(crate) struct Workbench {
    directory: tempfile::TempDir,
}

impl Workbench {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    /// The names of all files, at any depth.
    pub(crate) fn files(&self) -> BTreeSet<String> {
        let mut files = BTreeSet::new();
        let mut directories = vec![self.directory.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    directories.push(entry.path());
                }
                let name = entry
                    .path()
                    .strip_prefix(self.directory.path())
                    .unwrap()
                    .display()
                    .to_string();
                files.insert(name);
            }
        }
        files
    }

    /// A command that runs the tool in the folder.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.current_dir(self.directory.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Runs the tool, which must succeed in silence.
    pub(crate) fn succeed(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        assert_eq!(stderr, "");
        assert_eq!(output.stdout, b"");
    }

    /// Runs the tool, which must fail and leave nothing. Returns its message.
    pub(crate) fn fail(&self, arguments: &[&str]) -> String {
        let before = self.files();
        let output = self.run(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.starts_with("error: failed to "), "{stderr}");
        assert_eq!(self.files(), before, "files were left");
        stderr
    }

    /// Writes a recipe. `spec` changes the defaults.
    pub(crate) fn recipe(&self, spec: Value, lines: &[Value]) {
        let mut whole = json!({
            "label": LABEL, "owner": "0:0", "mode": "0644", "mtime": 0, "metadata": [],
            "create_parents": true, "passwd": null, "group": null,
        });
        for (key, value) in spec.as_object().unwrap() {
            whole[key] = value.clone();
        }
        let mut text = json!({ "spec": whole }).to_string();
        for line in lines {
            text.push('\n');
            text.push_str(&line.to_string());
        }
        self.write("layer.jsonl", text);
    }

    /// Makes a layer and lists its tar, see [`listing`].
    pub(crate) fn layer(&self, spec: Value, lines: &[Value]) -> Vec<String> {
        self.recipe(spec, lines);
        self.succeed(&["layer", "--inputs=layer.jsonl", "--tar=layer.tar"]);
        listing(&self.read("layer.tar"))
    }

    /// Tries to make a layer. Returns the message.
    pub(crate) fn no_layer(&self, spec: Value, lines: &[Value]) -> String {
        self.recipe(spec, lines);
        self.fail(&[
            "layer",
            "--inputs=layer.jsonl",
            "--tar=layer.tar",
            "--description=layer.json",
            "--blob=layer.tar.gz",
            "--blob-description=blob.json",
        ])
    }
}

/// Bazel gives a path relative to where the tests start.
fn program() -> PathBuf {
    std::path::absolute(Path::new(env!("CARGO_BIN_EXE_stevedore-build"))).unwrap()
}

/// A line for each member, as an independent reader sees it: `KIND MODE UID:GID MTIME SIZE NAME -> TARGET`.
pub(crate) fn listing(archive: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header();
        let kind = match header.entry_type() {
            tar::EntryType::Regular => 'f',
            tar::EntryType::Directory => 'd',
            tar::EntryType::Symlink => 's',
            tar::EntryType::Link => 'h',
            tar::EntryType::Char => 'c',
            other => panic!("{other:?}"),
        };
        let mut line = format!(
            "{kind} {:04o} {}:{} {} {} {}",
            header.mode().unwrap(),
            header.uid().unwrap(),
            header.gid().unwrap(),
            header.mtime().unwrap(),
            entry.size(),
            String::from_utf8_lossy(&entry.path_bytes()),
        );
        if let Some(target) = entry.link_name_bytes() {
            line.push_str(&format!(" -> {}", String::from_utf8_lossy(&target)));
        }
        for extension in entry.pax_extensions().unwrap().into_iter().flatten() {
            let extension = extension.unwrap();
            if extension.key().unwrap().starts_with("SCHILY") {
                line.push_str(&format!(
                    " {}={}",
                    extension.key().unwrap(),
                    extension.value().unwrap()
                ));
            }
        }
        lines.push(line);
    }
    lines
}

/// The content of a member.
pub(crate) fn content(archive: &[u8], name: &str) -> Vec<u8> {
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let mut entry = entry.unwrap();
        if *entry.path_bytes() == *name.as_bytes() {
            let mut content = Vec::new();
            std::io::copy(&mut entry, &mut content).unwrap();
            return content;
        }
    }
    panic!("no member `{name}`");
}

/// Compresses bytes.
pub(crate) fn compressed(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(compression, Vec::new()).unwrap();
    compressor.write_all(bytes).unwrap();
    compressor.finish().unwrap()
}

/// A name, what is set in the header, and the content.
type Member<'a> = (&'a str, &'a dyn Fn(&mut tar::Header), &'a [u8]);

/// Makes a tar with GNU headers.
pub(crate) fn gnu_tar(members: &[Member<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, set, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o640);
        header.set_uid(7);
        header.set_gid(8);
        header.set_mtime(9);
        header.set_size(content.len() as u64);
        header.set_username("somebody").unwrap();
        // Set as bytes, so that names can be ones that a good archive has not.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        set(&mut header);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// For members that need nothing else.
pub(crate) fn plain(_: &mut tar::Header) {}

/// A line that places what follows at `path`.
pub(crate) fn place(path: &str) -> Value {
    json!({"place": {"path": path, "label": "//cmd:app"}})
}

/// A line for a file on disk.
pub(crate) fn file(disk: &str, to: &str) -> Value {
    json!({"file": disk, "to": to, "executable": false})
}

/// Panics unless every part is in the message.
pub(crate) fn assert_contains(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}
