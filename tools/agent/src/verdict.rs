//! What became of a job.

use serde::{Deserialize, Serialize};

/// One line of JSON on the agent's standard output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case", deny_unknown_fields)]
pub enum Verdict {
    /// Not the last line: the commands are about to run. Only a sandbox says so, which unpacks layers before that.
    Begun,
    /// Not the last line either: a command has printed this. Only [`crate::Collect::Output`] asks for it.
    Printed {
        /// Where it has printed it.
        stream: Stream,
        /// The bytes, in standard base64.
        bytes: String,
    },
    /// All commands ended well. The tar follows that was asked for.
    Done,
    /// A command ended badly.
    Failed {
        /// Which of the job's commands, from 0.
        command: usize,
        /// How it ended.
        ending: Ending,
    },
    /// A command could not be started.
    CannotStart {
        /// Which of the job's commands, from 0.
        command: usize,
        /// The program, as the job has it.
        program: String,
        /// Whether there is a file of that name. If there is and the kernel says that there is not (`ENOENT`), then what is
        /// missing is the interpreter that the file asks for.
        program_exists: bool,
        /// What the kernel said: 2 is `ENOENT`, 8 is `ENOEXEC` (a program for another processor), 13 is `EACCES`.
        errno: i32,
        /// The same in words.
        error: String,
    },
    /// The job cannot be done as it is: an input collides, a user is unknown, a file that was asked for is missing.
    Refused {
        /// Why, and what to do; causes follow after `: `.
        reason: String,
    },
}

/// How a command ended badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// Where a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// To its standard output.
    Stdout,
    /// To its standard error.
    Stderr,
}
