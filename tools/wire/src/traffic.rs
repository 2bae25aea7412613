//! What went over the wire.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// Counters of everything that was sent to one destination, shared by all connections to it.
///
/// Clones share the counters.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    bytes_sent: AtomicU64,
}

impl Traffic {
    /// The number of HTTP requests that were begun.
    pub fn requests(&self) -> u64 {
        self.counters.requests.load(Ordering::Relaxed)
    }

    /// Bytes that were written to the connections: request lines, headers and bodies; with TLS its records.
    pub fn bytes_sent(&self) -> u64 {
        self.counters.bytes_sent.load(Ordering::Relaxed)
    }

    /// Counts a request that is about to be sent.
    pub fn count_request(&self) {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// A request that was counted did not leave, since there was no connection.
    pub fn discount_request(&self) {
        self.counters.requests.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts bytes that were written.
    pub fn count_bytes_sent(&self, bytes: usize) {
        self.counters
            .bytes_sent
            .fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
