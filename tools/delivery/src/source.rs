//! Where the bytes of an image's layers come from.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use stevedore_image::compression::Decompressor;
use stevedore_image::description::{BlobDescription, LayerDescription};
use stevedore_image::digest::{Digest, Hasher, HashingReader};

/// A layer, and the file that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What the layer is.
    pub description: LayerDescription,
    /// The file.
    pub path: PathBuf,
    /// What the file is if it is a compressed blob; `None` if it is the uncompressed tar.
    pub blob: Option<BlobDescription>,
}

/// Why a layer's bytes cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The file cannot be opened or read.
    #[error("failed to {verb} the layer `{path}`; build the target again")]
    File {
        /// `open` or `read`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is shorter or longer than it must be.
    #[error("the layer `{path}` has {found} bytes, expected {expected} (truncated or changed since it was built); build the target again")]
    Size {
        /// The file.
        path: PathBuf,
        /// The number of bytes that it must have.
        expected: u64,
        /// The number of bytes that it has.
        found: u64,
    },
    /// The compressed data cannot be decompressed.
    #[error("the layer `{path}` is corrupt; fetch or build it again")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: io::Error,
    },
    /// The file's bytes, or the tar in it, are not those that the description names.
    #[error("the layer `{path}` is not what the image's description says: its {what} is `{found}`, expected `{expected}`; fetch or build it again")]
    Digest {
        /// The file.
        path: PathBuf,
        /// `digest` of the compressed blob, or `diff_id` of the tar in it.
        what: &'static str,
        /// The digest that it must have.
        expected: Digest,
        /// The digest that it has.
        found: Digest,
    },
    /// The tar in the blob has another length than the description says.
    #[error("the layer `{path}` inflates to {found} bytes or more, expected {expected}; fetch or build it again")]
    InflatedSize {
        /// The file.
        path: PathBuf,
        /// The number of bytes that it must have.
        expected: u64,
        /// The number of bytes that came.
        found: u64,
    },
}

impl Layer {
    /// Checks, without reading it, that the file is there and has the right size.
    ///
    /// # Errors
    /// If it is not, or has not.
    pub fn check(&self) -> Result<(), SourceError> {
        self.open_file().map(drop)
    }

    /// Opens the layer's uncompressed tar.
    ///
    /// # Errors
    /// If the file is missing, has the wrong size, or does not begin as a compressed stream should.
    pub fn open(&self) -> Result<LayerReader, SourceError> {
        let file = self.open_file()?;
        let reader = match &self.blob {
            None => Bytes::Plain(file),
            Some(_) => {
                let decompressor = Decompressor::new(HashingReader::new(file))
                    .map_err(|error| self.blame(error))?;
                Bytes::Inflated(Some(Box::new(Inflated {
                    decompressor,
                    hasher: Hasher::new(),
                })))
            }
        };
        Ok(LayerReader {
            layer: self.clone(),
            reader,
            given: 0,
        })
    }

    fn open_file(&self) -> Result<File, SourceError> {
        let failed = |source| SourceError::File {
            verb: "open",
            path: self.path.clone(),
            source,
        };
        let file = File::open(&self.path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?.len();
        let expected = match &self.blob {
            Some(blob) => blob.size,
            None => self.description.size,
        };
        if found == expected {
            return Ok(file);
        }
        Err(SourceError::Size {
            path: self.path.clone(),
            expected,
            found,
        })
    }

    fn blame(&self, source: io::Error) -> SourceError {
        let path = self.path.clone();
        match source.kind() {
            io::ErrorKind::InvalidData => SourceError::Corrupt { path, source },
            _ => SourceError::File {
                verb: "read",
                path,
                source,
            },
        }
    }
}

/// A compressed blob and its inflated tar, hashed as they pass.
struct Inflated {
    decompressor: Decompressor<HashingReader<File>>,
    hasher: Hasher,
}

impl Read for Inflated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.decompressor.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

enum Bytes {
    /// An uncompressed tar. It is not hashed here: the engine hashes it anyway, and refuses a layer whose `diff_id`
    /// is not the one that the config names (`image/tarexport/load.go` in moby: "invalid diffID for layer").
    Plain(File),
    /// A compressed blob; `None` once it has been checked.
    Inflated(Option<Box<Inflated>>),
}

/// The bytes of a layer's uncompressed tar; exactly as many as its description says.
///
/// An inflated layer is checked before its last bytes are given: who got them all got the right ones. The errors are
/// [`SourceError`]s inside [`io::Error`]s.
pub struct LayerReader {
    layer: Layer,
    reader: Bytes,
    given: u64,
}

impl LayerReader {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let expected = self.layer.description.size;
        let left = usize::try_from(expected - self.given).unwrap_or(usize::MAX);
        let limit = buffer.len().min(left);
        let count = match &mut self.reader {
            _ if limit == 0 && self.given > 0 => Ok(0),
            Bytes::Plain(file) => file.read(&mut buffer[..limit]),
            Bytes::Inflated(Some(reader)) => reader.read(&mut buffer[..limit]),
            Bytes::Inflated(None) => Ok(0),
        }
        .map_err(|error| self.layer.blame(error))?;
        self.given += count as u64;
        if count == 0 && limit > 0 {
            return Err(self.too_short());
        }
        if self.given == expected {
            self.check_inflated()?;
        }
        Ok(count)
    }

    fn too_short(&self) -> SourceError {
        let path = self.layer.path.clone();
        let (expected, found) = (self.layer.description.size, self.given);
        match self.reader {
            Bytes::Plain(_) => SourceError::Size {
                path,
                expected,
                found,
            },
            Bytes::Inflated(_) => SourceError::InflatedSize {
                path,
                expected,
                found,
            },
        }
    }

    /// Reads what is left of a blob, and compares both digests.
    fn check_inflated(&mut self) -> Result<(), SourceError> {
        let (Bytes::Inflated(reader), Some(blob)) = (&mut self.reader, &self.layer.blob) else {
            return Ok(());
        };
        let Some(mut reader) = reader.take() else {
            return Ok(());
        };
        let more = reader
            .read(&mut [0])
            .map_err(|error| self.layer.blame(error))?;
        let layer = &self.layer;
        if more > 0 {
            return Err(SourceError::InflatedSize {
                path: layer.path.clone(),
                expected: layer.description.size,
                found: layer.description.size + 1,
            });
        }
        let tar = reader.hasher.finish();
        layer.compare("diff_id", layer.description.diff_id, tar.digest)?;
        let mut compressed = reader.decompressor.into_inner();
        io::copy(&mut compressed, &mut io::sink()).map_err(|error| layer.blame(error))?;
        layer.compare("digest", blob.digest, compressed.finish().digest)
    }
}

impl Layer {
    fn compare(
        &self,
        what: &'static str,
        expected: Digest,
        found: Digest,
    ) -> Result<(), SourceError> {
        if expected == found {
            return Ok(());
        }
        Err(SourceError::Digest {
            path: self.path.clone(),
            what,
            expected,
            found,
        })
    }
}

impl Read for LayerReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill(buffer).map_err(io::Error::other)
    }
}
