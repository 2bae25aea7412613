//! One layer on its way: it is read once, and what is to be known of it is found out while its bytes pass.

use std::io::{self, Read, Write};
use std::path::Path;

use super::files::{Files, Opened};
use crate::archive::{NameCheck, Outside};
use crate::compression::{Compression, Compressor, Decompressor};
use crate::digest::{Content, Hasher, HashingReader, HashingWriter};
use crate::error::Error;
use crate::layout::check_content;
use crate::output::OutputWriter;
use crate::threaded_writer::{CopyError, ThreadedWriter};

/// The most that gzip can make of a byte is 1,032. What makes more of it, as zstd can, and then is larger than
/// [`SMALL`], is made to fill disks.
const MAX_INFLATION: u64 = 1_032;
/// What any blob may decompress to: a gibibyte, but tests make smaller ones.
const SMALL: u64 = if cfg!(test) { 1 << 20 } else { 1 << 30 };

/// The bytes that a blob of so many bytes may decompress to.
pub(super) fn inflation_limit(stored: u64) -> u64 {
    stored.saturating_mul(MAX_INFLATION).max(SMALL)
}

/// Checks that no more bytes than that came out of the file `path`.
pub(super) fn check_inflation(
    path: &Path,
    what: &str,
    stored: u64,
    found: u64,
) -> Result<(), Error> {
    match found <= inflation_limit(stored) {
        true => Ok(()),
        false => Err(Error::Inflates {
            path: path.to_owned(),
            what: what.to_owned(),
            stored,
            limit: inflation_limit(stored),
        }),
    }
}

/// A layer that is to be read.
pub(super) struct Passage<'a, F> {
    pub(super) files: &'a F,
    /// The layer's file.
    pub(super) name: &'a str,
    /// What the layer is called in messages.
    pub(super) what: &'a str,
    /// What the manifest says of the file.
    pub(super) expected: Option<Content>,
    /// The compression that the blob gets if the file has none.
    pub(super) compression: Compression,
}

/// What was found out.
pub(super) struct Passed {
    /// The file that was read.
    pub(super) read: Content,
    /// The blob: that file, or what it was compressed to.
    pub(super) blob: Content,
    /// The blob's compression.
    pub(super) compression: Compression,
    /// The uncompressed tar.
    pub(super) tar: Content,
    /// A name in the tar that leads out of the image.
    pub(super) outside: Option<Outside>,
}

impl<F: Files> Passage<'_, F> {
    /// Reads the layer, and writes its blob to `output`. The digests are not compared.
    pub(super) fn run(&self, output: Option<OutputWriter>) -> Result<Passed, Error> {
        let output: Box<dyn Write + Send> = match output {
            Some(writer) => Box::new(writer),
            None => Box::new(io::sink()),
        };
        let mut start = Vec::new();
        self.open()?
            .reader
            .take(4)
            .read_to_end(&mut start)
            .map_err(|source| self.unread(source))?;
        match (Compression::sniff(&start), self.compression) {
            (Compression::None, Compression::None) => self.copy(output),
            (Compression::None, compression) => self.compress(compression, output),
            (compression, _) => self.decompress(compression, output),
        }
    }

    /// A plain tar that stays one.
    fn copy(&self, output: Box<dyn Write + Send>) -> Result<Passed, Error> {
        let mut tee = Tee(self.open()?.reader, output);
        let (tar, outside, _) = self.hash(&mut tee, u64::MAX)?;
        Ok(Passed {
            read: tar,
            blob: tar,
            compression: Compression::None,
            tar,
            outside,
        })
    }

    /// A plain tar whose blob is compressed.
    fn compress(
        &self,
        compression: Compression,
        output: Box<dyn Write + Send>,
    ) -> Result<Passed, Error> {
        let compressor = Compressor::new(compression, HashingWriter::new(output))
            .map_err(|source| self.unread(source))?;
        let mut tee = Tee(self.open()?.reader, compressor);
        let (tar, outside, _) = self.hash(&mut tee, u64::MAX)?;
        let writer = tee.1.finish().map_err(|source| self.unread(source))?;
        let (_, blob) = writer.finish();
        Ok(Passed {
            read: tar,
            blob,
            compression,
            tar,
            outside,
        })
    }

    /// A compressed tar, which is the blob.
    fn decompress(
        &self,
        compression: Compression,
        output: Box<dyn Write + Send>,
    ) -> Result<Passed, Error> {
        let opened = self.open()?;
        let stored = opened.size;
        let limit = inflation_limit(stored);
        let mut reader = Decompressor::new(HashingReader::new(Tee(opened.reader, output)))
            .map_err(|source| self.unread(source))?;
        let (tar, outside, copied) = match self.hash(&mut reader, limit + 1) {
            Ok(hashed) => hashed,
            // Data that does not decompress is better told by its digest, if that is wrong too.
            Err(error) => {
                self.check_stored()?;
                return Err(error);
            }
        };
        check_inflation(&self.path(), self.what, stored, copied)?;
        let read = reader.into_inner().finish();
        Ok(Passed {
            read,
            blob: read,
            compression,
            tar,
            outside,
        })
    }

    /// Hashes what a reader gives, and looks at the names in it, on another thread. Also tells how many bytes there
    /// were.
    fn hash(
        &self,
        reader: &mut impl Read,
        limit: u64,
    ) -> Result<(Content, Option<Outside>, u64), Error> {
        let start = |source| Error::Start {
            what: "the thread that hashes a layer",
            source,
        };
        let mut writer = ThreadedWriter::new(Inspection::default()).map_err(start)?;
        let copied = match writer.copy_from(reader, limit) {
            Ok(copied) => copied,
            Err(CopyError::Read(source)) => return Err(self.unread(source)),
            Err(CopyError::Write(source)) => return Err(start(source)),
        };
        let inspection = writer.finish().map_err(start)?;
        Ok((
            inspection.hasher.finish(),
            inspection.names.finish(),
            copied,
        ))
    }

    fn check_stored(&self) -> Result<(), Error> {
        let Some(expected) = self.expected else {
            return Ok(());
        };
        let mut hasher = Hasher::new();
        io::copy(&mut self.open()?.reader, &mut hasher).map_err(|source| self.unread(source))?;
        check_content(&self.path(), self.what, expected, hasher.finish())
    }

    fn open(&self) -> Result<Opened<'_>, Error> {
        if let Some(opened) = self.files.open(self.name)? {
            return Ok(opened);
        }
        let (path, what) = (self.path(), self.what.to_owned());
        Err(match self.expected {
            Some(Content { digest, .. }) => Error::MissingBlob { digest, what, path },
            None => Error::MissingFile { path, what },
        })
    }

    fn path(&self) -> std::path::PathBuf {
        self.files.path(self.name)
    }

    fn unread(&self, source: io::Error) -> Error {
        Error::io("read", &self.path(), source)
    }
}

/// What is found out of the bytes of a tar.
#[derive(Default)]
struct Inspection {
    hasher: Hasher,
    names: NameCheck,
}

impl Write for Inspection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.names.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what it reads.
struct Tee<R, W>(R, W);

impl<R: Read, W: Write> Read for Tee<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1.write_all(&buffer[..count])?;
        Ok(count)
    }
}
