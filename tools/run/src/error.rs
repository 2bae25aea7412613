//! Why commands have made nothing.

use std::fmt;
use std::path::PathBuf;

use crate::conversation::ConversationError;
use crate::extract::ExtractError;
use crate::secret::SecretError;

/// Why there is no layer, or no file, from a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A command ended badly.
    #[error("command {number} of {of} {ending}: `{title}`{lines}")]
    Failed {
        /// Which, from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// How it ended: `ended with exit code 2`.
        ending: String,
        /// The command, on a line.
        title: String,
        /// What was printed last.
        lines: LastLines,
    },
    /// The commands took too long.
    #[error(
        "the commands were ended after {seconds} s, which is their `timeout`; if they need longer, set it{lines}"
    )]
    Timeout {
        /// The limit.
        seconds: u64,
        /// What was printed last.
        lines: LastLines,
    },
    /// A command could not be started.
    #[error("command {number} of {of} cannot be started: {reason}")]
    CannotStart {
        /// Which, from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// Why, and what to do.
        reason: String,
    },
    /// The agent says that it cannot be done.
    #[error("the commands cannot run: {reason}")]
    Refused {
        /// Why, and what to do.
        reason: String,
    },
    /// The commands did nothing.
    #[error("the commands have changed nothing, so there is no layer; if that is fine, set `allow_empty = True`")]
    Empty,
    /// An input's place is taken.
    #[error("the input at `{target}` collides with what the image has there; put it where the image has nothing")]
    Collision {
        /// The path in the container.
        target: String,
    },
    /// What the container sends is no layer.
    #[error("failed to get the layer out of the container{lines}")]
    Layer {
        /// What was printed last.
        lines: LastLines,
        /// Why.
        source: Box<stevedore_image::Error>,
    },
    /// What is wanted does not come out.
    #[error(transparent)]
    Extract(#[from] ExtractError),
    /// The agent was not understood.
    #[error("failed to run the commands{lines}")]
    Conversation {
        /// What was printed last.
        lines: LastLines,
        /// Why.
        source: ConversationError,
    },
    /// A secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] stevedore_engine::Error),
    /// The image did not get into the engine.
    #[error(transparent)]
    Delivery(#[from] stevedore_delivery::Error),
    /// The config of the image is no config.
    #[error("the config of `{label}` cannot be used")]
    Config {
        /// The image's target.
        label: String,
        /// Why.
        source: serde_json::Error,
    },
    /// An input cannot be read.
    #[error("failed to read the input `{path}`")]
    Input {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The engine runs no containers for us.
    #[error("`{address}` cannot run commands: {reason}")]
    Unfit {
        /// The engine.
        address: String,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// There is no sandbox.
    #[error(transparent)]
    Sandbox(#[from] stevedore_sandbox::Error),
    /// This program, which a sandbox needs once more, is not found.
    #[error("failed to find the path of this program")]
    Program {
        /// Why.
        source: std::io::Error,
    },
    /// A thread could not be started, or has panicked.
    #[error("failed to do the work of another thread")]
    Thread(#[source] tokio::task::JoinError),
}

/// What commands printed last, for the end of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastLines(pub Vec<String>);

impl fmt::Display for LastLines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("; nothing was printed");
        }
        formatter.write_str("; the last output was:")?;
        self.0
            .iter()
            .try_for_each(|line| write!(formatter, "\n    {line}"))
    }
}
