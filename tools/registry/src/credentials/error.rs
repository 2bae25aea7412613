//! Why it is not known which credentials a registry is to be shown.

use std::io;
use std::process::ExitStatus;

/// Why there are no credentials. No secret is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// What names a credential helper makes no sense.
    #[error("`{found}` names no credential helper: {reason}; expected `PATH` or `PATTERN=PATH`, such as `*.example.com=/usr/bin/helper`")]
    Rule {
        /// What was found.
        found: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file cannot be read.
    #[error("failed to read the credentials in `{file}`")]
    Read {
        /// The file.
        file: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is not what it should be. What the JSON parser says is left out, since it quotes.
    #[error("the credentials in `{file}` are malformed: line {line}, column {column} is not the JSON that `docker login` or `podman login` writes")]
    Malformed {
        /// The file, or the variable.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// An entry makes no sense.
    #[error("`{key}` in `auths` of `{file}` is malformed: {reason}; log in again")]
    Entry {
        /// The file, or the variable.
        file: String,
        /// The entry.
        key: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A helper does not answer.
    #[error("failed to get credentials for `{registry}` from `{program}`, which {named_by} names")]
    Helper {
        /// The registry.
        registry: String,
        /// The program, as it was named.
        program: String,
        /// Who names it.
        named_by: String,
        /// What is wrong.
        source: HelperError,
    },
}

/// Why a helper gives no credentials. What it writes to its standard output is never told: that is where secrets are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HelperError {
    /// There is no such program.
    #[error("there is no such program on `PATH`; install it, or take it out of the settings")]
    Missing,
    /// It is named by a path that leads nowhere in particular.
    #[error("`%workspace%` means nothing here, since `BUILD_WORKSPACE_DIRECTORY` is not set: name it by an absolute path, or use `bazel run`")]
    NoWorkspace,
    /// It cannot be started.
    #[error("it cannot be started")]
    Start {
        /// What the operating system said.
        source: io::Error,
    },
    /// It has failed.
    #[error("it failed ({status}){words}")]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// The last lines of what it has written to its standard error, each after a line feed.
        words: String,
    },
    /// It has not ended in time, and was killed with all that it had started.
    #[error("it has not ended after {seconds} s, and was killed{words}")]
    Hangs {
        /// The time that it had.
        seconds: u64,
        /// As in [`HelperError::Failed`].
        words: String,
    },
    /// What it has written to its standard output is no answer.
    #[error("its answer makes no sense: {reason}{words}")]
    Nonsense {
        /// What is wrong.
        reason: &'static str,
        /// As in [`HelperError::Failed`].
        words: String,
    },
}
