//! An answer's body on its way back to the client.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// A registry's answer, as far as it is passed back.
pub(super) struct Returning {
    body: Incoming,
    /// How many bytes are passed back before it breaks off.
    left: Option<u64>,
    changes_first: bool,
}

impl Returning {
    pub(super) fn new(body: Incoming, left: Option<u64>, changes_first: bool) -> Self {
        Self {
            body,
            left,
            changes_first,
        }
    }

    fn pass(&mut self, mut bytes: Bytes) -> Bytes {
        if let Some(left) = &mut self.left {
            bytes.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= bytes.len() as u64;
        }
        if self.changes_first && !bytes.is_empty() {
            self.changes_first = false;
            let mut changed = bytes.to_vec();
            changed[0] ^= 1;
            bytes = changed.into();
        }
        bytes
    }
}

impl Body for Returning {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == Some(0) {
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
        }
        let frame = Pin::new(&mut self.body).poll_frame(context);
        frame.map(|frame| {
            let frame = frame?.map_err(io::Error::other);
            Some(frame.map(|frame| frame.map_data(|bytes| self.pass(bytes))))
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_none() && self.body.is_end_stream()
    }
}
