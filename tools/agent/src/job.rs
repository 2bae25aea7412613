//! What the agent is to do.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One line of JSON on the agent's standard input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Programs with their arguments, run one after the other; the first that fails is the last.
    pub commands: Vec<Vec<String>>,
    /// All variables of the commands' environment. `HOME` is that of the user, if it is missing.
    pub env: BTreeMap<String, String>,
    /// `name`, `uid`, `name:group` or `uid:gid`, looked up in the container's `/etc/passwd` and `/etc/group` as Docker does;
    /// empty for root.
    pub user: String,
    /// The commands' working directory, made if it is missing; empty for the root.
    pub workdir: String,
    /// Files below [`crate::SECRETS`], which only the user can read.
    pub secrets: Vec<Secret>,
    /// What is moved to its place before the commands run, and is in no layer.
    pub placed_inputs: Vec<PlacedInput>,
    /// What follows the verdict.
    pub collect: Collect,
}

/// A secret of the commands.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// Its file's name.
    pub name: String,
    /// Its bytes, in standard base64.
    pub content: String,
}

/// A file or directory that was uploaded below [`crate::FOLDER`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacedInput {
    /// Where it is; an absolute path.
    pub from: String,
    /// Where it belongs; an absolute path, where nothing may be in the image.
    pub to: String,
}

/// Which tar follows the verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Collect {
    /// What the commands changed, as a layer.
    Layer {
        /// Seconds since the epoch, which no entry's time is after; none keeps the times.
        latest_mtime: Option<i64>,
        /// Absolute paths that are not in the layer, and neither is what is below them.
        exclude: Vec<String>,
    },
    /// What is at these absolute paths. The names in the tar are the paths as they were asked for, without the leading slash;
    /// a symlink at one of them is followed; there are no hard links.
    Files {
        /// The paths.
        paths: Vec<String>,
    },
    /// No tar: the changes stay where the tool finds them.
    Nothing,
    /// No tar, and nothing of the changes. What the commands print is told while they run, each stream by itself, by
    /// [`crate::Verdict::Printed`].
    Output,
}

/// The content is nobody's business.
impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Secret")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
