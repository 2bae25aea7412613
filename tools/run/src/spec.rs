//! The file that the Starlark rules write for an action that runs commands.
//!
//! It is written by `oci/private/run_spec.bzl`; the two change together.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use stevedore_delivery::{EngineSpec, ImageSpec, Network};

/// What is run in which image, and what becomes of it. All paths of this machine are relative to the execution root, in which
/// the action runs.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    /// Always `run`.
    pub kind: Kind,
    /// The target, such as `//app:deps`.
    pub label: String,
    /// The image in which the commands run.
    pub base: ImageSpec,
    /// Commands for `shell`, which are run one after the other until one fails; or none, if there is `argv`.
    #[serde(default)]
    pub commands: Vec<String>,
    /// The program, with its first arguments, to which each of `commands` is the last argument.
    #[serde(default)]
    pub shell: Vec<String>,
    /// A program and its arguments, instead of `commands`.
    #[serde(default)]
    pub argv: Vec<String>,
    /// Environment variables of the commands, over those of the image's config.
    pub env: BTreeMap<String, String>,
    /// The user that the commands run as; the one of the image's config if it is empty.
    pub user: String,
    /// The working directory of the commands; the one of the image's config if it is empty.
    pub workdir: String,
    /// Files of this machine that the commands can read.
    pub inputs: Vec<InputSpec>,
    /// Directories that stay from one run to the next: paths in the container, and names.
    pub caches: BTreeMap<String, String>,
    /// What is to be seen at `/run/secrets/<name>`: names, and where the values come from (`file:PATH`, `env:NAME`).
    pub secrets: BTreeMap<String, String>,
    /// Directories in memory: paths in the container, and the most bytes that they hold.
    pub tmpfs: BTreeMap<String, Option<u64>>,
    /// The most memory that the commands may use, in bytes.
    pub memory: Option<u64>,
    /// The most processors that the commands may use.
    pub cpus: Option<f64>,
    /// After how many seconds the commands are ended.
    pub timeout: u64,
    /// What network the commands see.
    pub network: Network,
    /// What runs the commands.
    pub engine: EngineSpec,
    /// What is wanted of what the commands did.
    pub collect: CollectSpec,
}

/// The kind of a [`RunSpec`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The only one.
    Run,
}

/// Files of this machine, and where the commands see them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// An absolute path in the container.
    pub target: String,
    /// What is there.
    pub entries: Vec<InputEntry>,
}

/// A file or a directory of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputEntry {
    /// Its path below the target; empty if it is itself at the target, and is the only one.
    pub path: String,
    /// Its path on this machine.
    pub source: PathBuf,
}

/// What is wanted of what commands did.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectSpec {
    /// All that they changed, as a layer.
    Layer(LayerSpec),
    /// Some files and directories.
    Files(Vec<FileSpec>),
    /// Nothing of that, but what they print. No target says so; see [`RunSpec::trial`].
    #[serde(skip)]
    Output,
}

/// What layer is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerSpec {
    /// Whether times are clamped.
    pub normalize: bool,
    /// Whether the layer may be empty.
    pub allow_empty: bool,
}

/// A file or a directory that is copied out of the container.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// Its absolute path in the container.
    pub path: String,
    /// The output.
    pub output: PathBuf,
    /// Whether it is a directory.
    pub directory: bool,
}

/// Why there is no usable [`RunSpec`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunSpecError {
    /// The file cannot be read.
    #[error("failed to read the file `{path}`, which says what is to be run")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not what the rules write.
    #[error("`{path}` does not say what is to be run; were it and this tool built from the same version of rules_stevedore?")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: serde_json::Error,
    },
}

impl RunSpec {
    /// Reads the file `path`.
    ///
    /// # Errors
    /// If it cannot be read, or is not what the rules write.
    pub fn read(path: &Path) -> Result<Self, RunSpecError> {
        let text = fs::read(path).map_err(|source| RunSpecError::Read {
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_slice(&text).map_err(|source| RunSpecError::Parse {
            path: path.to_owned(),
            source,
        })
    }

    /// A command by itself, in an image as it is; nothing of what it changes is wanted. See [`crate::Trial`].
    pub fn trial(label: &str, base: ImageSpec, argv: Vec<String>) -> Self {
        Self {
            kind: Kind::Run,
            label: label.to_owned(),
            base,
            commands: Vec::new(),
            shell: Vec::new(),
            argv,
            env: BTreeMap::new(),
            user: String::new(),
            workdir: String::new(),
            inputs: Vec::new(),
            caches: BTreeMap::new(),
            secrets: BTreeMap::new(),
            tmpfs: BTreeMap::new(),
            memory: None,
            cpus: None,
            timeout: 60,
            network: Network::None,
            engine: EngineSpec::Daemon,
            collect: CollectSpec::Output,
        }
    }

    /// The commands as they are executed: each a program and its arguments.
    pub fn executed(&self) -> Vec<Vec<String>> {
        if !self.argv.is_empty() {
            return vec![self.argv.clone()];
        }
        let by_shell = |command: &String| [&self.shell[..], std::slice::from_ref(command)].concat();
        self.commands.iter().map(by_shell).collect()
    }

    /// How the command at `index` is called in messages: what the target says, on one line.
    pub fn title(&self, index: usize) -> String {
        const LONGEST: usize = 100;
        let text = match self.commands.get(index) {
            Some(command) => command.clone(),
            None => self.argv.join(" "),
        };
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }

    /// After which time the commands are ended.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;

    const SPEC: &str = r#"{"kind": "run", "label": "//app:deps",
        "base": {"label": "@debian", "config": "c", "description": "d", "layers": [null], "base_layout": null},
        "commands": ["echo \"$A\"\necho 'b'"], "shell": ["/bin/sh", "-e", "-c"],
        "env": {}, "user": "", "workdir": "",
        "inputs": [{"target": "/in", "entries": [{"path": "a", "source": "bazel-out/a"}]}],
        "caches": {"/c": "name"}, "secrets": {"s": "env:S"}, "tmpfs": {"/t": 5, "/u": null}, "memory": null, "cpus": 1.5,
        "timeout": 600, "network": "none", "engine": "daemon",
        "collect": {"layer": {"normalize": true, "allow_empty": false}}}"#;

    /// A spec with one command.
    pub(crate) fn spec() -> RunSpec {
        serde_json::from_str(SPEC).unwrap()
    }

    #[test]
    fn a_shells_command_is_one_argument_as_it_stands() {
        let spec = spec();
        assert_eq!(
            spec.executed(),
            [["/bin/sh", "-e", "-c", "echo \"$A\"\necho 'b'"]]
        );
        assert_eq!(spec.title(0), "echo \"$A\" echo 'b'");
    }

    #[test]
    fn no_target_asks_for_output() {
        let text = SPEC.replace(
            r#"{"layer": {"normalize": true, "allow_empty": false}}"#,
            r#""output""#,
        );
        assert_ne!(text, SPEC);
        assert!(serde_json::from_str::<RunSpec>(&text).is_err());
    }

    #[test]
    fn an_exact_command_needs_no_shell() {
        let mut spec = spec();
        spec.argv = vec!["/bin/a".to_owned(), "b c".to_owned()];
        spec.commands.clear();
        assert_eq!(spec.executed(), [["/bin/a", "b c"]]);
        assert_eq!(spec.title(0), "/bin/a b c");
    }
}
