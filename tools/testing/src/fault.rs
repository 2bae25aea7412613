//! What a [`crate::FakeDocker`] does wrong.

use std::time::Duration;

/// Something that goes wrong; it stays so until another fault is injected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Requests whose path contains `path` are answered with this HTTP status and body.
    Status {
        /// A part of the path; everything contains the empty one.
        path: &'static str,
        /// The HTTP status code.
        status: u16,
        /// The body as it is.
        body: &'static str,
    },
    /// An upload's connection is closed when so many bytes of its body have come.
    CloseAfter {
        /// The number of bytes.
        bytes: usize,
    },
    /// When so many bytes of an upload have come, the engine says that its disk is full, and does not read the rest.
    DiskFullAfter {
        /// The number of bytes.
        bytes: usize,
    },
    /// An upload is read, nothing is loaded, and this is the body of the answer.
    LoadAnswer {
        /// The body as it is.
        body: &'static str,
    },
    /// The containerd store takes an upload, and then says that it could not unpack the image, because of this.
    NotUnpacked {
        /// The engine's words.
        reason: &'static str,
    },
    /// An upload succeeds, but another ID is printed.
    WrongId,
    /// An upload succeeds, but no ID is printed.
    NoId,
    /// An upload without layers is answered truly; then somebody removes all layers above the first `keep`.
    PruneAfterProbe {
        /// The number of layers that stay.
        keep: usize,
    },
    /// After every upload that fails for want of a layer, somebody removes the one below it too.
    LosesOneMore,
    /// After every piece of an upload the engine pauses.
    SlowReading {
        /// How long.
        pause: Duration,
    },
}
