//! A writer whose work is done on a thread of its own, so that reading and hashing overlap.

use std::io::{self, Read, Write};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

/// Large enough that handing over costs nothing, small enough to stay in a core's cache.
const CHUNK: usize = 512 << 10;
const CHUNKS: usize = 4;

/// Why [`ThreadedWriter::copy_from`] ended early: the two sides are blamed on different files.
#[derive(Debug)]
pub(crate) enum CopyError {
    /// The reader failed.
    Read(io::Error),
    /// The writer failed.
    Write(io::Error),
}

/// Collects bytes in chunks of a fixed size and hands each to `W` on another thread. The chunks are recycled, so the
/// memory is constant.
pub(crate) struct ThreadedWriter<W> {
    chunk: Chunk,
    full: Option<SyncSender<Chunk>>,
    empty: Receiver<Chunk>,
    worker: Option<JoinHandle<io::Result<W>>>,
}

struct Chunk {
    bytes: Box<[u8]>,
    filled: usize,
}

impl Chunk {
    fn new() -> Self {
        Self {
            bytes: vec![0; CHUNK].into_boxed_slice(),
            filled: 0,
        }
    }
}

impl<W: Write + Send + 'static> ThreadedWriter<W> {
    /// Starts the thread.
    pub(crate) fn new(mut inner: W) -> io::Result<Self> {
        let (full, queue) = sync_channel::<Chunk>(CHUNKS);
        let (recycle, empty) = sync_channel(CHUNKS);
        for _ in 1..CHUNKS {
            recycle.send(Chunk::new()).map_err(io::Error::other)?;
        }
        let worker = thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || {
                for mut chunk in queue {
                    inner.write_all(&chunk.bytes[..chunk.filled])?;
                    chunk.filled = 0;
                    // The other side may have ended already and need no more chunks.
                    let _ = recycle.send(chunk);
                }
                Ok(inner)
            })?;
        Ok(Self {
            chunk: Chunk::new(),
            full: Some(full),
            empty,
            worker: Some(worker),
        })
    }

    /// Copies at most `limit` bytes from a reader, straight into the chunks. Returns how many there were.
    pub(crate) fn copy_from(
        &mut self,
        reader: &mut impl Read,
        limit: u64,
    ) -> Result<u64, CopyError> {
        let mut copied = 0;
        while copied < limit {
            if self.chunk.filled == CHUNK {
                self.hand_over().map_err(CopyError::Write)?;
            }
            let free = &mut self.chunk.bytes[self.chunk.filled..];
            let wanted = usize::try_from(limit - copied).map_or(free.len(), |n| n.min(free.len()));
            match reader.read(&mut free[..wanted]) {
                Ok(0) => break,
                Ok(count) => {
                    self.chunk.filled += count;
                    copied += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(CopyError::Read(error)),
            }
        }
        Ok(copied)
    }

    /// Waits until all is written, and gives the inner writer back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        if self.chunk.filled > 0 {
            self.hand_over()?;
        }
        self.join()
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let Ok(empty) = self.empty.recv() else {
            return self.join().and(Err(ended()));
        };
        let full = std::mem::replace(&mut self.chunk, empty);
        match &self.full {
            Some(sender) if sender.send(full).is_ok() => Ok(()),
            _ => self.join().and(Err(ended())),
        }
    }

    fn join(&mut self) -> io::Result<W> {
        self.full = None;
        match self.worker.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) | None => Err(ended()),
        }
    }
}

fn ended() -> io::Error {
    io::Error::other("the writing thread has ended already")
}

impl<W: Write + Send + 'static> Write for ThreadedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.filled == CHUNK {
            self.hand_over()?;
        }
        let count = bytes.len().min(CHUNK - self.chunk.filled);
        self.chunk.bytes[self.chunk.filled..][..count].copy_from_slice(&bytes[..count]);
        self.chunk.filled += count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W> Drop for ThreadedWriter<W> {
    /// Waits for the thread, so that nothing writes any more when an error has ended the work.
    fn drop(&mut self) {
        self.full = None;
        if let Some(worker) = self.worker.take() {
            // Whoever drops the writer without finishing it has an error already.
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_arrive_in_order() {
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|index| (index / 7) as u8).collect();
        let mut writer = ThreadedWriter::new(Vec::new()).unwrap();
        writer.write_all(&bytes[..1000]).unwrap();
        let copied = writer.copy_from(&mut &bytes[1000..], 2_000_000).unwrap();
        writer.write_all(&bytes[1000 + copied as usize..]).unwrap();
        assert_eq!(copied, 2_000_000);
        assert_eq!(writer.finish().unwrap(), bytes);
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_error_of_the_thread_is_the_one_that_is_told() {
        let mut writer = ThreadedWriter::new(Full).unwrap();
        let error = match writer.copy_from(&mut io::repeat(0), u64::MAX) {
            Err(CopyError::Write(error)) => error,
            other => panic!("expected an error of the writer, got {other:?}"),
        };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        let mut writer = ThreadedWriter::new(Full).unwrap();
        writer.write_all(b"few bytes").unwrap();
        let error = writer.finish().err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
