//! What the agent sends, read by a thread while it comes.

use std::io::{self, Read};

use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc::{self, Receiver, Sender};

/// How many pieces wait to be read.
const PIECES: usize = 16;

/// Makes two ends: what goes into the first comes out of the second, which is read by another thread. The end of the stream
/// is when the first is dropped.
pub(crate) fn channel() -> (Sender<Bytes>, StreamReader) {
    let (sender, receiver) = mpsc::channel(PIECES);
    let reader = StreamReader {
        receiver,
        current: Bytes::new(),
    };
    (sender, reader)
}

/// The end that is read, not on the thread of the runtime.
pub(crate) struct StreamReader {
    receiver: Receiver<Bytes>,
    current: Bytes,
}

impl Read for StreamReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(bytes) => self.current = bytes,
                None => return Ok(0),
            }
        }
        let count = self.current.len().min(buffer.len());
        self.current.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
