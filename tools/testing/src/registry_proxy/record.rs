//! What was asked of a registry.

use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::Arc;

use hyper::header::AUTHORIZATION;
use hyper::Request;

/// A request that came to a [`RegistryProxy`](crate::RegistryProxy).
#[derive(Clone, Debug, Default)]
pub struct PassedRequest {
    /// The HTTP method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Whether it had an `Authorization` header; what was in it is not kept.
    pub is_authorized: bool,
    /// The `Range` of the bytes in the body: `Content-Range`.
    pub range: Option<String>,
    /// The status that the client got; 0 if it got none, or none yet.
    pub status: u16,
    /// The bytes of the body that have come.
    pub body_bytes: u64,
    live: Arc<Live>,
}

/// What becomes known later.
#[derive(Debug, Default)]
pub(super) struct Live {
    status: AtomicU16,
    body_bytes: AtomicU64,
}

impl PassedRequest {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let path = request.uri().path_and_query();
        let range = request.headers().get("content-range");
        Self {
            method: request.method().to_string(),
            path: path.map(ToString::to_string).unwrap_or_default(),
            is_authorized: request.headers().contains_key(AUTHORIZATION),
            range: range.and_then(|range| Some(range.to_str().ok()?.to_owned())),
            ..Self::default()
        }
    }

    pub(super) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live)
    }

    /// It, with all that is known by now.
    pub(super) fn seen_now(&self) -> Self {
        Self {
            status: self.live.status.load(Ordering::SeqCst),
            body_bytes: self.live.body_bytes.load(Ordering::SeqCst),
            ..self.clone()
        }
    }
}

impl Live {
    pub(super) fn answered(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub(super) fn came(&self, bytes: usize) {
        self.body_bytes.fetch_add(bytes as u64, Ordering::SeqCst);
    }
}
