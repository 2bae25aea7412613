//! Why ssh does not lead to an engine.

use std::error::Error as StdError;
use std::io;
use std::process::ExitStatus;
use std::sync::Arc;

/// The exit code with which ssh tells that it failed itself; others are the remote command's.
const SSH_FAILED: i32 = 255;
/// The exit code of a shell that does not find the command.
const NOT_FOUND: i32 = 127;

/// Why there is no connection through ssh.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SshError {
    /// ssh cannot be started.
    #[error("failed to start `ssh`; an `ssh://` address needs OpenSSH's client on `PATH`")]
    Start {
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// It ended before the engine had said a word.
    #[error("{} before the engine answered{}{words}", ended(.status), advice(.status, .command))]
    Ended {
        /// The command that was to be run there.
        command: String,
        /// How it ended; `None` if that is not known.
        status: Option<ExitStatus>,
        /// The last lines of what ssh and the command there have printed, each after a line feed.
        words: String,
    },
    /// It ended when the engine had answered something.
    #[error("{} in the middle of a connection{words}", ended(.status))]
    BrokeOff {
        /// How it ended; `None` if that is not known.
        status: Option<ExitStatus>,
        /// As in [`SshError::Ended`].
        words: String,
    },
}

impl SshError {
    /// The first failure to connect by ssh among the causes of `error`.
    pub(crate) fn find(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            let inner = error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref);
            match inner.and_then(|inner| inner.downcast_ref()) {
                Some(Self::BrokeOff { .. }) | None => cause = error.source(),
                Some(found) => return Some(found.clone()),
            }
        }
        None
    }
}

fn ended(status: &Option<ExitStatus>) -> String {
    match status {
        Some(status) => format!("`ssh` ended ({status})"),
        None => "`ssh` closed its output".to_owned(),
    }
}

/// What to do about it.
fn advice(status: &Option<ExitStatus>, command: &str) -> String {
    match status.and_then(|status| status.code()) {
        Some(SSH_FAILED) => "; it must log in without asking for anything: try it with `ssh -o BatchMode=yes`, and look \
             at its keys, its agent and `known_hosts`"
            .to_owned(),
        Some(NOT_FOUND) => format!(
            "; the other machine has no command for `{command}`: install it there, or mend the `PATH` of its non-interactive shell"
        ),
        _ => format!("; on the other machine `{command}` failed: is the engine there running, and may that user use it?"),
    }
}

impl From<SshError> for io::Error {
    fn from(error: SshError) -> Self {
        Self::other(error)
    }
}
