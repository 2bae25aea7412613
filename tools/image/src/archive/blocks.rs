//! The blocks that an archive is made of, and how far they were read.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::BLOCK;
use crate::error::Error;

const BUFFER: usize = 64 << 10;

/// Goes over so many bytes without reading them, and tells how many there were.
type Skip<R> = fn(&mut R, u64) -> io::Result<u64>;

/// A stream of blocks.
pub(super) struct Blocks<R> {
    inner: R,
    path: PathBuf,
    position: u64,
    skip: Option<Skip<R>>,
    buffer: Box<[u8]>,
}

impl<R: Read> Blocks<R> {
    /// The blocks of `inner`, which errors name as `path`.
    pub(super) fn new(path: &Path, inner: R) -> Self {
        Self {
            inner,
            path: path.to_owned(),
            position: 0,
            skip: None,
            buffer: vec![0; BUFFER].into_boxed_slice(),
        }
    }

    /// Skips large contents by seeking.
    pub(super) fn seeking(&mut self)
    where
        R: Seek,
    {
        self.skip = Some(|reader, wanted| {
            let start = reader.stream_position()?;
            let end = reader.seek(SeekFrom::End(0))?;
            let target = start.saturating_add(wanted).min(end);
            reader.seek(SeekFrom::Start(target))?;
            Ok(target - start)
        });
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of bytes that were read or skipped.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn into_inner(self) -> R {
        self.inner
    }

    /// Reads a block. Returns how much of it there was.
    pub(super) fn read(&mut self, block: &mut [u8; BLOCK]) -> Result<usize, Error> {
        self.fill(block)
    }

    /// Reads as a reader does: perhaps less than fits.
    pub(super) fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.position += count as u64;
        Ok(count)
    }

    /// Goes over so many bytes. Returns whether there were as many.
    pub(super) fn skip(&mut self, mut wanted: u64) -> Result<bool, Error> {
        if let Some(skip) = self.skip.filter(|_| wanted > BUFFER as u64) {
            let skipped = skip(&mut self.inner, wanted)
                .map_err(|source| Error::io("read", &self.path, source))?;
            self.position += skipped;
            wanted -= skipped;
        }
        while wanted > 0 {
            let length = usize::try_from(wanted).map_or(BUFFER, |wanted| wanted.min(BUFFER));
            let count = self.fill_buffer(length)?;
            if count < length {
                return Ok(false);
            }
            wanted -= count as u64;
        }
        Ok(true)
    }

    /// A first block of zeros was read. A second one must follow, and then nothing but more of them.
    pub(super) fn check_end(&mut self) -> Result<(), Error> {
        let start = self.position;
        loop {
            let offset = self.position;
            let count = self.fill_buffer(BUFFER)?;
            if let Some(index) = self.buffer[..count].iter().position(|byte| *byte != 0) {
                return Err(Error::TrailingGarbage {
                    path: self.path.clone(),
                    offset: offset + index as u64,
                });
            }
            if count < BUFFER {
                break;
            }
        }
        match self.position - start >= BLOCK as u64 {
            true => Ok(()),
            false => Err(Error::TruncatedArchive {
                path: self.path.clone(),
                end: self.position,
            }),
        }
    }

    fn fill_buffer(&mut self, length: usize) -> Result<usize, Error> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let count = self.fill(&mut buffer[..length]);
        self.buffer = buffer;
        count
    }

    /// Reads until the buffer is full or the stream ends.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.inner.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::io("read", &self.path, source)),
            }
        }
        self.position += filled as u64;
        Ok(filled)
    }
}
