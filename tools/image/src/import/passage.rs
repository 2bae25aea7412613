//! One layer on its way: it is read once, and what is to be known of it is found out while its bytes pass.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use super::files::{Files, Opened};
use crate::archive::{NameCheck, Outside};
use crate::compression::{Compression, Compressor, Decompressor};
use crate::digest::{Content, Hasher, HashingReader, HashingWriter};
use crate::error::Error;
use crate::layout::check_content;
use crate::output::OutputWriter;
use crate::threaded_writer::{CopyError, ThreadedWriter};

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
        let (tar, outside) = self.hash(&mut tee)?;
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
        let (tar, outside) = self.hash(&mut tee)?;
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
        let tee = Tee(self.open()?.reader, output);
        let mut reader =
            Decompressor::new(HashingReader::new(tee)).map_err(|source| self.unread(source))?;
        let (tar, outside) = match self.hash(&mut reader) {
            Ok(hashed) => hashed,
            // Data that does not decompress is better told by its digest, if that is wrong too.
            Err(error) => {
                self.check_stored()?;
                return Err(error);
            }
        };
        let read = reader.into_inner().finish();
        Ok(Passed {
            read,
            blob: read,
            compression,
            tar,
            outside,
        })
    }

    /// Hashes what a reader gives, and looks at the names in it, on another thread.
    fn hash(&self, reader: &mut impl Read) -> Result<(Content, Option<Outside>), Error> {
        let start = |source| Error::Start {
            what: "the thread that hashes a layer",
            source,
        };
        let mut writer = ThreadedWriter::new(Inspection::default()).map_err(start)?;
        match writer.copy_from(reader, u64::MAX) {
            Ok(_) => {}
            Err(CopyError::Read(source)) => return Err(self.unread(source)),
            Err(CopyError::Write(source)) => return Err(start(source)),
        }
        let inspection = writer.finish().map_err(start)?;
        Ok((inspection.hasher.finish(), inspection.names.finish()))
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

    fn path(&self) -> PathBuf {
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
