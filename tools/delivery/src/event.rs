//! What happens during a delivery, for who watches.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Something that happened during a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An upload begins.
    Sending {
        /// The number of layers in it.
        layers: usize,
        /// The number of layers in the image.
        of: usize,
        /// Bytes of all those layers' tars.
        bytes: u64,
    },
    /// A layer that is in no file is fetched from a registry.
    Fetching {
        /// The image's target.
        label: String,
        /// Where it is.
        repository: String,
        /// The blob's size.
        bytes: u64,
    },
    /// A blob is sent to a registry; several may be at once.
    SendingBlob {
        /// The image's target.
        label: String,
        /// Whether it is a layer; otherwise it is a config.
        is_layer: bool,
        /// The blob's size.
        bytes: u64,
    },
    /// Bytes of the upload were handed to the connection.
    Sent {
        /// How many since the last event.
        bytes: u64,
    },
    /// Bytes that were told as sent did not arrive, and will be sent again.
    Unsent {
        /// How many.
        bytes: u64,
    },
    /// Something failed and is tried again.
    Retrying {
        /// What failed, and why.
        reason: String,
        /// After how long.
        after: Duration,
    },
    /// The engine unpacks a layer.
    Unpacking {
        /// Bytes of the layer's tar that it has read.
        current: u64,
        /// The size of that tar in bytes.
        total: u64,
    },
    /// The delivery goes on with more bytes than was planned, because of what this says.
    FellBack {
        /// Why, for a person.
        reason: String,
    },
    /// Another process loads the same image into the same engine, and is waited for. Told once.
    Waiting {
        /// Its number, in its own name space; `None` if it could not be found out.
        process: Option<u32>,
        /// The file that it has locked.
        path: PathBuf,
    },
    /// The image is loaded without a lock: if others load it too at this time, it is sent more than once.
    NoLock {
        /// Why there is none.
        reason: String,
    },
    /// Something that only those want to know who look closer.
    Detail {
        /// Words.
        text: String,
    },
    /// The engine said something.
    Note {
        /// Its words.
        text: String,
    },
}

/// Is told what happens; may be called from any thread.
pub type Observer = Arc<dyn Fn(Event) + Send + Sync>;
