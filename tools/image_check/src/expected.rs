//! What an image is expected to be, as a target says it.
//!
//! It is written by `oci/private/image_test_spec.bzl`; the two change together.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// All that is expected of an image. What is `None` or empty is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expected {
    /// Of its config.
    pub config: ExpectedConfig,
    /// Of its layers as such.
    pub layers: ExpectedLayers,
    /// What is at paths.
    pub files: BTreeMap<String, ExpectedFile>,
    /// Paths, or globs of them, at which there is nothing.
    pub absent: Vec<String>,
    /// What no file may be.
    pub policies: Vec<Policy>,
    /// Globs of paths for which no policy holds.
    pub exempt: Vec<String>,
    /// What commands do in a container.
    pub commands: Vec<ExpectedCommand>,
}

/// What is expected of an image's config.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectedConfig {
    /// `Entrypoint`; an empty one is one that is not set.
    pub entrypoint: Option<Vec<String>>,
    /// `Cmd`; an empty one is one that is not set.
    pub cmd: Option<Vec<String>>,
    /// Variables and their values; there may be others.
    pub env: BTreeMap<String, String>,
    /// Variables and regular expressions for their values.
    pub env_matches: BTreeMap<String, String>,
    /// Variables that are not set.
    pub env_absent: Vec<String>,
    /// Labels and their values; there may be others.
    pub labels: BTreeMap<String, String>,
    /// Labels and regular expressions for their values.
    pub labels_match: BTreeMap<String, String>,
    /// Labels that are not there.
    pub labels_absent: Vec<String>,
    /// `User`.
    pub user: Option<String>,
    /// `WorkingDir`; the root is one that is not set.
    pub workdir: Option<String>,
    /// `StopSignal`.
    pub stop_signal: Option<String>,
    /// All ports, such as `80/tcp`.
    pub exposed_ports: Option<Vec<String>>,
    /// The paths of all volumes.
    pub volumes: Option<Vec<String>>,
}

/// What is expected of an image's layers as such.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectedLayers {
    /// How many there are.
    pub count: Option<u64>,
    /// How many there are at most.
    pub max_count: Option<u64>,
    /// The most bytes that all of them have together, uncompressed.
    pub max_size: Option<u64>,
    /// The most bytes that each of them has, uncompressed.
    pub max_layer_size: Option<u64>,
}

/// What is expected at a path. A symbolic link there is followed, unless it is what is expected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectedFile {
    /// What it is.
    #[serde(rename = "type")]
    pub file_type: Option<FileType>,
    /// Its permissions, three or four octal digits.
    pub mode: Option<String>,
    /// `user:group`, each a number or a name that the image knows.
    pub owner: Option<String>,
    /// Where the symbolic link leads, verbatim.
    pub target: Option<String>,
    /// What is in it.
    pub content: ExpectedText,
    /// A file of this machine with the same content.
    pub content_file: Option<PathBuf>,
}

/// What is expected of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectedText {
    /// The whole of it.
    pub text: Option<String>,
    /// Regular expressions that match somewhere; `^` and `$` match at each line.
    pub matches: Vec<String>,
    /// Regular expressions that match nowhere.
    pub lacks: Vec<String>,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

/// What no file of an image may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// A shell, or a link to one.
    NoShell,
    /// A file with the setuid or the setgid bit.
    NoSetuid,
    /// A file that everybody can write, or a directory without the sticky bit.
    NoWorldWritable,
}

/// A command, and what is expected of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectedCommand {
    /// What it is called.
    pub name: String,
    /// The program and its arguments; if it is empty, those of the image.
    pub argv: Vec<String>,
    /// Arguments of the image's entrypoint, instead of its own; those of the image if it is empty.
    pub args: Vec<String>,
    /// Variables over those of the image.
    pub env: BTreeMap<String, String>,
    /// The user; the image's if it is empty.
    pub user: String,
    /// The working directory; the image's if it is empty.
    pub workdir: String,
    /// How it ends; 128 and the number of a signal if that ended it.
    pub exit_code: i32,
    /// What it writes to standard output.
    pub stdout: ExpectedText,
    /// What it writes to standard error.
    pub stderr: ExpectedText,
    /// After how many seconds it is killed.
    pub timeout: u64,
}
