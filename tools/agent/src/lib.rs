//! What the tool and the agent in the container say to each other.
//!
//! The agent, `stevedore-agent`, is the first process of the container. It reads one line of JSON from its standard input,
//! the [`Job`], and runs the job's commands; their output, both streams of it, is its standard error. When they have ended it
//! writes one line of JSON to its standard output, the [`Verdict`]; after [`Verdict::Done`] follows the tar that the job
//! asked for, with the end of the archive. A job that asks for the commands' output by itself gets it in lines before the
//! verdict. It exits with 0 only if all of that was written.
//!
//! The standard input stays open as long as the tool lives: when it ends, the agent does, and with it all that runs in the
//! container.
#![deny(missing_docs)]

mod job;
mod verdict;

pub use job::{Collect, Job, PlacedInput, Secret};
pub use verdict::{Ending, Stream, Verdict};

/// The folder in the container that is the tool's own: the agent is there, and inputs before they are moved to their places.
/// It is never in a layer.
pub const FOLDER: &str = "/.stevedore";

/// Where secrets are: a file system in memory, which must be mounted when a [`Job`] has secrets.
pub const SECRETS: &str = "/run/secrets";
