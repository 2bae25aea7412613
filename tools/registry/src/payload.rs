//! What requests carry.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use stevedore_wire::{empty, full, Body};

/// The bytes of a blob, in the order in which they are sent.
pub type BlobStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// The body of a request, which can be made anew for each attempt.
pub(crate) enum Payload<'a> {
    /// None.
    Empty,
    /// A few kilobytes.
    Bytes(Bytes),
    /// A part of a blob.
    Stream {
        /// Opens it.
        open: &'a dyn Fn() -> io::Result<BlobStream>,
        /// The number of its bytes.
        length: u64,
    },
}

/// Watches a body on its way.
#[derive(Clone)]
pub(crate) struct Watch {
    state: Arc<Mutex<State>>,
}

struct State {
    last: Instant,
    is_at_end: bool,
    failure: Option<io::Error>,
}

impl Payload<'_> {
    /// The value of `Content-Length`.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Stream { length, .. } => *length,
        }
    }

    /// Whether a redirected request can carry it.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// A body for one attempt.
    ///
    /// # Errors
    /// If the blob cannot be opened.
    pub(crate) fn body(&self) -> io::Result<(Body, Watch)> {
        let watch = Watch::new();
        let body = match self {
            Self::Empty => empty(),
            Self::Bytes(bytes) => full(bytes.clone()),
            Self::Stream { open, length } => {
                watch.lock().is_at_end = *length == 0;
                StreamBody::new(watch.watched(open()?, *length)).boxed_unsync()
            }
        };
        Ok((body, watch))
    }
}

impl Watch {
    fn new() -> Self {
        let state = State {
            last: Instant::now(),
            is_at_end: true,
            failure: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// The first `left` bytes of a stream.
    fn watched(
        &self,
        stream: BlobStream,
        mut left: u64,
    ) -> impl Stream<Item = io::Result<Frame<Bytes>>> + Send {
        let watch = self.clone();
        let frames = stream.map(move |chunk| {
            let mut chunk = chunk.map_err(|error| watch.failed(error))?;
            chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len()));
            left -= chunk.len() as u64;
            let mut state = watch.lock();
            state.last = Instant::now();
            state.is_at_end = left == 0;
            Ok((chunk, left))
        });
        // The stream may go on after the part that is wanted.
        let mut is_over = false;
        let frames = frames.take_while(move |frame| {
            let goes_on = !is_over;
            is_over = matches!(frame, Ok((_, 0)) | Err(_));
            std::future::ready(goes_on)
        });
        frames.map(|frame| frame.map(|(chunk, _)| Frame::data(chunk)))
    }

    /// Why the blob could not be read, if that is why the request failed.
    pub(crate) fn take_failure(&self) -> Option<io::Error> {
        self.lock().failure.take()
    }

    /// How long nothing has been taken of the body, and whether all of it has.
    pub(crate) fn idle(&self) -> (Duration, bool) {
        let state = self.lock();
        (state.last.elapsed(), state.is_at_end)
    }

    /// Keeps the cause; the connection needs to know only that there is no more.
    fn failed(&self, error: io::Error) -> io::Error {
        self.lock().failure = Some(error);
        io::ErrorKind::Interrupted.into()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
