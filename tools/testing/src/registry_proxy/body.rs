//! A request's body on its way to the registry.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::mpsc;

use super::record::Live;

/// How long the registry has to read what was passed on, before its connection breaks.
const ARRIVAL: Duration = Duration::from_millis(100);

/// What the registry's connection reads.
pub(super) struct Passed {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    length: Option<u64>,
}

/// What a client's connection gives.
pub(super) struct Coming {
    pub(super) body: Incoming,
    pub(super) bytes_a_second: Option<u64>,
    pub(super) stop_after: Option<u64>,
    pub(super) live: Arc<Live>,
}

impl Coming {
    /// Passes the body on until its end; gives `true` if it was stopped before.
    ///
    /// One that is stopped is read to its end nevertheless, by a task of its own.
    pub(super) async fn pass_on(mut self, sender: mpsc::Sender<io::Result<Bytes>>) -> bool {
        let mut left = self.stop_after.unwrap_or(u64::MAX);
        while left > 0 {
            let Some(Ok(frame)) = self.body.frame().await else {
                return false;
            };
            let Ok(mut piece) = frame.into_data() else {
                continue;
            };
            self.live.came(piece.len());
            if let Some(bytes) = self.bytes_a_second {
                let seconds = piece.len() as f64 / bytes.max(1) as f64;
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            }
            piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= piece.len() as u64;
            if sender.send(Ok(piece)).await.is_err() {
                // The registry has answered before the end, and reads no more.
                self.discard();
                return false;
            }
        }
        tokio::time::sleep(ARRIVAL).await;
        let _ = sender
            .send(Err(io::ErrorKind::ConnectionReset.into()))
            .await;
        self.discard();
        true
    }

    /// Reads what is still to come, so that the client sees an answer and not a reset.
    pub(super) fn discard(mut self) {
        tokio::spawn(async move {
            while let Some(Ok(frame)) = self.body.frame().await {
                self.live.came(frame.data_ref().map_or(0, Bytes::len));
            }
        });
    }
}

impl Passed {
    /// One whose bytes come from the sender, `length` of them if that is known.
    pub(super) fn new(length: Option<u64>) -> (mpsc::Sender<io::Result<Bytes>>, Self) {
        let (sender, pieces) = mpsc::channel(1);
        (sender, Self { pieces, length })
    }
}

impl Body for Passed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = self.pieces.poll_recv(cx);
        piece.map(|piece| Some(piece?.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        self.length
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
