//! Where the bytes of a layer's tar go: into a hash, a file and a blob, as far as they are asked for.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::LayerOutputs;
use crate::compression::{Compression, Compressor};
use crate::description::{BlobDescription, LayerDescription};
use crate::digest::{Hasher, HashingWriter};
use crate::error::Error;
use crate::json;
use crate::media_type;
use crate::output::{OutputFile, OutputWriter};
use crate::threaded_writer::{CopyError, ThreadedWriter};

/// Takes the bytes of a layer's tar, and makes outputs of them. What becomes of them is done on another thread while the next
/// ones are read. Dropped before [`TarStream::finish`], it leaves nothing.
pub struct TarStream {
    writer: ThreadedWriter<Sinks>,
    description: Option<PathBuf>,
    blob_description: Option<PathBuf>,
    tar: Option<OutputFile>,
    blob: Option<OutputFile>,
    compression: Compression,
}

struct Sinks {
    hasher: Option<Hasher>,
    /// Files with the plain tar, as a blob that is not compressed is too.
    plain: Vec<OutputWriter>,
    blob: Option<Compressor<HashingWriter<Box<dyn Write + Send>>>>,
}

impl TarStream {
    /// Begins the files that are asked for.
    ///
    /// # Errors
    /// If one cannot be created, or no thread started.
    pub fn create(outputs: &LayerOutputs) -> Result<Self, Error> {
        let create = |path: &Option<PathBuf>| path.as_deref().map(OutputFile::create).transpose();
        let tar = create(&outputs.tar)?;
        let blob = create(&outputs.blob)?;
        let compression = outputs.compression.unwrap_or(Compression::None);
        let is_plain = compression == Compression::None;
        let needs_hash =
            outputs.description.is_some() || is_plain && outputs.blob_description.is_some();
        let plain = tar.iter().chain(blob.iter().filter(|_| is_plain));
        let sinks = Sinks {
            hasher: needs_hash.then(Hasher::new),
            plain: plain.map(OutputFile::writer).collect::<Result<_, _>>()?,
            blob: match !is_plain && outputs.needs_blob() {
                true => Some(blob_sink(blob.as_ref(), compression)?),
                false => None,
            },
        };
        Ok(Self {
            writer: ThreadedWriter::new(sinks).map_err(start_error)?,
            description: outputs.description.clone(),
            blob_description: outputs.blob_description.clone(),
            tar,
            blob,
            compression,
        })
    }

    /// Takes bytes.
    ///
    /// # Errors
    /// If an output cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.writer
            .write_all(bytes)
            .map_err(|source| self.write_error(source))
    }

    /// Takes exactly `size` bytes from a reader of the file `path`.
    ///
    /// # Errors
    /// If the file cannot be read or has fewer bytes, or an output cannot be written.
    pub fn copy(&mut self, reader: &mut impl Read, size: u64, path: &Path) -> Result<(), Error> {
        match self.writer.copy_from(reader, size) {
            Ok(copied) if copied == size => Ok(()),
            Ok(copied) => Err(Error::ChangedFile {
                path: path.to_owned(),
                expected: size,
                found: copied,
            }),
            Err(CopyError::Read(source)) => Err(Error::io("read", path, source)),
            Err(CopyError::Write(source)) => Err(self.write_error(source)),
        }
    }

    /// Completes the outputs and gives them their names.
    ///
    /// # Errors
    /// If an output cannot be written.
    pub fn finish(self) -> Result<(), Error> {
        let blamed = self.blamed();
        let write_error = |source| Error::io("write", &blamed, source);
        let sinks = self.writer.finish().map_err(write_error)?;
        let tar = sinks.hasher.map(Hasher::finish);
        let blob = match sinks.blob {
            Some(compressor) => Some(compressor.finish().map_err(write_error)?.finish().1),
            None => tar,
        };
        if let (Some(tar), Some(path)) = (tar, &self.description) {
            let description = LayerDescription::new(tar);
            OutputFile::write(path, &json::to_bytes(&description)?)?;
        }
        if let (Some(blob), Some(path)) = (blob, &self.blob_description) {
            let media_type = media_type::oci_layer(self.compression);
            let description = BlobDescription::new(media_type, blob);
            OutputFile::write(path, &json::to_bytes(&description)?)?;
        }
        for output in [self.tar, self.blob].into_iter().flatten() {
            output.commit()?;
        }
        Ok(())
    }

    fn write_error(&self, source: io::Error) -> Error {
        Error::io("write", &self.blamed(), source)
    }

    /// The file that an error is about if it does not say so itself.
    fn blamed(&self) -> PathBuf {
        let outputs = [&self.tar, &self.blob].into_iter().flatten();
        outputs
            .map(OutputFile::path)
            .chain(self.description.as_deref())
            .chain(self.blob_description.as_deref())
            .next()
            .map(Path::to_owned)
            .unwrap_or_default()
    }
}

/// So that a reader can be tapped. Errors name the output.
impl Write for TarStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match Self::write(self, bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Sinks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        for file in &mut self.plain {
            file.write_all(bytes)?;
        }
        if let Some(blob) = &mut self.blob {
            blob.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn blob_sink(
    blob: Option<&OutputFile>,
    compression: Compression,
) -> Result<Compressor<HashingWriter<Box<dyn Write + Send>>>, Error> {
    let inner: Box<dyn Write + Send> = match blob {
        Some(output) => Box::new(output.writer()?),
        None => Box::new(io::sink()),
    };
    Compressor::new(compression, HashingWriter::new(inner)).map_err(start_error)
}

fn start_error(source: io::Error) -> Error {
    Error::Start {
        what: "a compressor or the thread that writes the layer",
        source,
    }
}
