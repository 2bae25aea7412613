//! gzip on several threads, to the same bytes whatever their number.
//!
//! The input is cut into blocks of 1 MiB. Each is compressed by itself with the 32 KiB before it as the dictionary,
//! and ends at a byte boundary, as pigz does it; their concatenation is one ordinary gzip member. Where a block begins
//! depends on the input alone, and zlib-rs, unlike zlib-ng, has no hash function that depends on the processor.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use flate2::{Compress, Crc, FlushCompress, Status};

const BLOCK: usize = 1 << 20;
const DICTIONARY: usize = 32 << 10;
/// Bounds the memory, which is about 3 MiB a thread.
const MAX_THREADS: usize = 4;
/// No name, no time, and 255 for the system that it was made on: RFC 1952, section 2.3.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses what is written to it into one gzip member.
pub(super) struct GzipWriter<W> {
    inner: W,
    block: Vec<u8>,
    previous: Arc<Vec<u8>>,
    checksum: Crc,
    workers: Workers,
}

impl<W: Write> GzipWriter<W> {
    /// A writer with a thread for each core.
    pub(super) fn new(inner: W) -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self::with_threads(inner, cores.min(MAX_THREADS))
    }

    fn with_threads(mut inner: W, threads: usize) -> io::Result<Self> {
        inner.write_all(&HEADER)?;
        Ok(Self {
            inner,
            block: Vec::with_capacity(BLOCK),
            previous: Arc::default(),
            checksum: Crc::new(),
            workers: Workers::start(threads)?,
        })
    }

    /// Writes the last block and the checksum.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.submit(FlushCompress::Finish)?;
        while let Some(block) = self.workers.take()? {
            self.write_block(&block)?;
        }
        self.inner.write_all(&self.checksum.sum().to_le_bytes())?;
        self.inner
            .write_all(&self.checksum.amount().to_le_bytes())?;
        Ok(self.inner)
    }

    fn submit(&mut self, flush: FlushCompress) -> io::Result<()> {
        let data = Arc::new(std::mem::replace(
            &mut self.block,
            Vec::with_capacity(BLOCK),
        ));
        let before = std::mem::replace(&mut self.previous, Arc::clone(&data));
        if let Some(block) = self.workers.give(data, before, flush)? {
            self.write_block(&block)?;
        }
        Ok(())
    }

    fn write_block(&mut self, block: &Block) -> io::Result<()> {
        self.checksum.combine(&block.checksum);
        self.inner.write_all(&block.bytes)
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full block is given away only when more follows, so that the last one is not empty.
        if self.block.len() == BLOCK {
            self.submit(FlushCompress::Sync)?;
        }
        let count = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Job {
    data: Arc<Vec<u8>>,
    before: Arc<Vec<u8>>,
    flush: FlushCompress,
    result: SyncSender<io::Result<Block>>,
}

struct Block {
    bytes: Vec<u8>,
    checksum: Crc,
}

/// The threads, and the results that they owe, in the order of the input. They end when this is dropped.
struct Workers {
    jobs: SyncSender<Job>,
    owed: VecDeque<Receiver<io::Result<Block>>>,
    most_owed: usize,
}

impl Workers {
    fn start(threads: usize) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(threads);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name("gzip".to_owned())
                .spawn(move || work(&queue))?;
        }
        Ok(Self {
            jobs,
            owed: VecDeque::new(),
            most_owed: threads + 1,
        })
    }

    /// Queues a block. Returns the oldest result if as many as may wait do.
    fn give(
        &mut self,
        data: Arc<Vec<u8>>,
        before: Arc<Vec<u8>>,
        flush: FlushCompress,
    ) -> io::Result<Option<Block>> {
        let oldest = match self.owed.len() < self.most_owed {
            true => None,
            false => self.take()?,
        };
        let (result, receiver) = sync_channel(1);
        let job = Job {
            data,
            before,
            flush,
            result,
        };
        self.jobs.send(job).map_err(|_| gone())?;
        self.owed.push_back(receiver);
        Ok(oldest)
    }

    /// Waits for the oldest result, if one is owed.
    fn take(&mut self) -> io::Result<Option<Block>> {
        match self.owed.pop_front() {
            Some(receiver) => receiver.recv().map_err(|_| gone())?.map(Some),
            None => Ok(None),
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("a gzip thread ended before its work was done")
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let block = compress_block(&job);
        if job.result.send(block).is_err() {
            return;
        }
    }
}

fn compress_block(job: &Job) -> io::Result<Block> {
    // A compressor that is reset remembers enough of the block before to choose other matches, so each block gets a
    // new one; setting it up costs a hundredth of using it.
    let mut compress = Compress::new(flate2::Compression::default(), false);
    if !job.before.is_empty() {
        let start = job.before.len().saturating_sub(DICTIONARY);
        compress.set_dictionary(&job.before[start..])?;
    }
    let mut bytes = Vec::with_capacity(job.data.len() / 2 + 64);
    loop {
        let consumed = compress.total_in() as usize;
        let status = compress.compress_vec(&job.data[consumed..], &mut bytes, job.flush)?;
        let done = match job.flush {
            FlushCompress::Finish => status == Status::StreamEnd,
            _ => compress.total_in() as usize == job.data.len() && bytes.len() < bytes.capacity(),
        };
        if done {
            break;
        }
        bytes.reserve((bytes.capacity() / 2).max(1 << 10));
    }
    let mut checksum = Crc::new();
    checksum.update(&job.data);
    Ok(Block { bytes, checksum })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sample(size: u32) -> Vec<u8> {
        (0..size)
            .map(|index| (index.wrapping_mul(2_654_435_761) >> (22 + index % 5)) as u8)
            .collect()
    }

    fn compress(threads: usize, plain: &[u8]) -> Vec<u8> {
        let mut writer = GzipWriter::with_threads(Vec::new(), threads).unwrap();
        writer.write_all(plain).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn the_number_of_threads_does_not_show() {
        let plain = sample(2_500_001);
        let one = compress(1, &plain);
        for threads in 2..5 {
            assert!(compress(threads, &plain) == one, "{threads} threads");
        }
    }

    /// The bytes are an interface: another digest here means that every gzip layer of every user changes.
    #[test]
    fn the_bytes_are_known() {
        let digest = crate::digest::Digest::of(&compress(2, &sample(3_000_000)));
        assert_eq!(
            digest.to_string(),
            "sha256:7bc62f7f63fcfb6544db99528eb9bd85e282ae832c57a358f4c6b205e1e0c0e7"
        );
    }

    #[test]
    fn the_header_has_no_time_and_no_system() {
        assert_eq!(compress(1, b"")[..10], HEADER);
    }
}
