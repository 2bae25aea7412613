//! What can go wrong before the stage answers.

use std::io;
use std::path::PathBuf;

/// A sandbox that could not be started. What goes wrong later is in the agent's verdict.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There are no namespaces.
    #[error("a sandbox needs Linux: use `engine = \"daemon\"` on this machine")]
    NotLinux,
    /// The program did not start.
    #[error("failed to start `{}` as the stage of a sandbox", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the machine said.
        source: io::Error,
    },
    /// The stage has ended, or its pipes have.
    #[error("the stage of a sandbox ended before it took its job")]
    Ended {
        /// What the machine said.
        source: io::Error,
    },
    /// The kernel refused a user namespace.
    #[error(
        "no user namespace can be made, which a sandbox needs where it is not started by root ({reason}): see the sysctls \
         `user.max_user_namespaces`, `kernel.unprivileged_userns_clone` and `kernel.apparmor_restrict_unprivileged_userns`, \
         or use `engine = \"daemon\"`"
    )]
    NoUserNamespace {
        /// What the stage said.
        reason: String,
    },
    /// The users of the machine could not be mapped.
    #[error("failed to map users into a user namespace by {by}: {reason}")]
    Mapping {
        /// The program or file that did not take it.
        by: String,
        /// What it said.
        reason: String,
    },
    /// No folder can be written to.
    #[error("no folder for unpacked layers can be written to: set `STEVEDORE_CACHE`")]
    NoCache {
        /// What the last of them said.
        source: io::Error,
    },
}
