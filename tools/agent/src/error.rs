//! What can keep a job from being done.

use std::io;
use std::path::{Path, PathBuf};

use stevedore_agent::{Ending, Verdict, FOLDER, SECRETS};

/// Everything that the agent refuses or fails at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("this is not the first process of a container: `stevedore-agent` is started by `stevedore-deliver` alone")]
    NotTheFirstProcess,
    #[error("failed to read the job")]
    Ask(#[source] io::Error),
    #[error("the job is of another version than this agent: use `stevedore-deliver` and `stevedore-agent` of one release")]
    Job(#[source] serde_json::Error),
    #[error("failed to write the verdict")]
    Verdict(#[source] serde_json::Error),
    #[error("failed to write the answer")]
    Answer(#[source] io::Error),
    #[error("failed to start a thread")]
    Thread(#[source] io::Error),

    #[error("command {command} failed")]
    Failed { command: usize, ending: Ending },
    #[error("command {command} cannot be started")]
    CannotStart {
        command: usize,
        program: String,
        program_exists: bool,
        source: io::Error,
    },
    #[error("command {command} is empty: expected a program and its arguments")]
    EmptyCommand { command: usize },
    #[error("failed to wait for a command")]
    Wait(#[source] rustix::io::Errno),
    #[error("failed to end what the commands left running")]
    Kill(#[source] rustix::io::Errno),

    #[error("failed to {action} `{}`", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("an input is to be at `{}`, where the image has a file: choose another path", path.display())]
    Collision { path: PathBuf },
    #[error("an input is to be at `{path}`: expected a path below `/` and not below `{FOLDER}`")]
    NoPlace { path: String },
    #[error(
        "there is no file system in memory at `{SECRETS}`, and secrets are written to no other"
    )]
    NoSecretsMount,
    #[error("the secret `{name}` has no name that a file can have: expected one without `/`")]
    SecretName { name: String },
    #[error("the secret `{name}` is not base64")]
    SecretContent {
        name: String,
        source: base64::DecodeError,
    },
    #[error(transparent)]
    Account(#[from] crate::passwd::Error),
    #[error("the kernel does not let this container run commands as user {uid}, group {gid}: name one that it has, or run the engine as root")]
    Identity {
        uid: u32,
        gid: u32,
        source: rustix::io::Errno,
    },
    #[error(transparent)]
    Rootfs(#[from] stevedore_rootfs::Error),
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// What the tool is told.
    ///
    /// # Errors
    /// The error itself, if there is nobody who could be told.
    pub(crate) fn verdict(self) -> Result<Verdict, Self> {
        Ok(match self {
            Self::Failed { command, ending } => Verdict::Failed { command, ending },
            Self::CannotStart {
                command,
                program,
                program_exists,
                source,
            } => Verdict::CannotStart {
                command,
                program,
                program_exists,
                errno: source.raw_os_error().unwrap_or_default(),
                error: source.to_string(),
            },
            Self::Answer(_) | Self::Verdict(_) => return Err(self),
            _ => Verdict::Refused {
                reason: chain(&self),
            },
        })
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
