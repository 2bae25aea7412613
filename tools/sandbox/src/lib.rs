//! Runs commands in an image without a container engine: an OCI runtime over an overlay of the image's unpacked layers.
//!
//! [`start`] starts this program once more, as the *stage* ([`stage_if_asked`]), which makes a mount namespace of its own, and
//! a user namespace where it is not root. In there it unpacks the layers that are not yet kept, mounts the overlay, and lets the
//! runtime start the agent. Nothing is mounted outside, so nothing is left mounted, however this ends.
//!
//! A stage speaks the agent's protocol: a job on its standard input, which stays open as long as the job is wanted; the
//! commands' output on standard error; the verdict, and what was collected, on standard output. The one difference is that a layer
//! is read from the overlay's upper directory, so its cost does not depend on the size of the base.
#![deny(missing_docs)]

mod cache;
mod container;
mod error;
mod request;
#[cfg(target_os = "linux")]
mod stage;
mod user;

pub use cache::Cache;
pub use container::{start, Container, Process};
pub use error::Error;
pub use request::{InputEntry, LayerFile, Mount, Network, Request};

/// Ends this process as a stage if it was started as one; else does nothing.
///
/// To be called first in `main`: a process with threads cannot enter a user namespace.
pub fn stage_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments
        .next()
        .is_none_or(|first| first != container::STAGE)
    {
        return;
    }
    #[cfg(target_os = "linux")]
    std::process::exit(stage::run(arguments.next().as_deref()));
}
