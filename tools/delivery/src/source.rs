//! Where the bytes of an image's layers come from.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::PathBuf;

use stevedore_image::compression::Decompressor;
use stevedore_image::description::{BlobDescription, LayerDescription};
use stevedore_image::digest::{Content, Digest, Hasher, HashingReader};

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
    /// The size of the layer's tar is wanted, and nobody has measured it.
    #[error("the size of the tar in the layer `{path}` is not known; report this")]
    UnknownSize {
        /// The file.
        path: PathBuf,
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

impl SourceError {
    /// The file that it is about.
    pub(crate) fn path(&self) -> &std::path::Path {
        match self {
            Self::File { path, .. }
            | Self::Size { path, .. }
            | Self::UnknownSize { path }
            | Self::Corrupt { path, .. }
            | Self::Digest { path, .. }
            | Self::InflatedSize { path, .. } => path,
        }
    }

    /// Whether the file is there and can be read, but has other bytes than it should.
    pub(crate) fn is_about_content(&self) -> bool {
        !matches!(self, Self::File { .. } | Self::UnknownSize { .. })
    }
}

impl Layer {
    /// Checks, without reading it, that the file is there and has the right size.
    ///
    /// # Errors
    /// If it is not, or has not.
    pub fn check(&self) -> Result<(), SourceError> {
        self.open_file().map(drop)
    }

    /// Opens the layer's bytes in the form that is asked for.
    ///
    /// # Errors
    /// If the file is missing, has the wrong size, or does not begin as a compressed stream should.
    pub fn open(&self, form: Form) -> Result<LayerReader, SourceError> {
        let file = self.open_file()?;
        let (bytes, what, expected) = match (&self.blob, form) {
            (None, _) => (Bytes::Plain(file), DIFF_ID, self.tar()?),
            (Some(blob), Form::Blob(_)) => (Bytes::Plain(file), BLOB_DIGEST, blob.content()),
            (Some(_), Form::Tar(_)) => {
                let decompressor = Decompressor::new(HashingReader::new(file));
                let decompressor = decompressor.map_err(|error| self.blame(error))?;
                let bytes = Bytes::Inflated(Some(Box::new(decompressor)));
                (bytes, DIFF_ID, self.tar()?)
            }
        };
        let is_hashed = match form {
            Form::Tar(checking) => self.blob.is_some() || checking == Checking::Here,
            Form::Blob(checking) => checking == Checking::Here,
        };
        Ok(LayerReader {
            layer: self.clone(),
            bytes,
            what,
            expected,
            hasher: is_hashed.then(Hasher::new),
            given: 0,
        })
    }

    /// Inflates the layer to find out the size of its tar in bytes, and compares digests.
    ///
    /// # Errors
    /// If the layer cannot be read, or is another one.
    pub fn measure(&self) -> Result<u64, SourceError> {
        let file = self.open_file()?;
        let decompressor = Decompressor::new(file).map_err(|error| self.blame(error))?;
        let mut tar = HashingReader::new(decompressor);
        io::copy(&mut tar, &mut io::sink()).map_err(|error| self.blame(error))?;
        let found = tar.finish();
        self.compare(DIFF_ID, self.description.diff_id, found.digest)?;
        Ok(found.size)
    }

    /// What the tar is; the size of a blob that is not compressed is that of the tar.
    fn tar(&self) -> Result<Content, SourceError> {
        let of_blob = self.description.blob.as_ref();
        let of_blob = of_blob.filter(|blob| blob.digest == self.description.diff_id);
        let size = self.description.size.or(of_blob.map(|blob| blob.size));
        let size = size.ok_or_else(|| SourceError::UnknownSize {
            path: self.path.clone(),
        })?;
        Ok(Content {
            digest: self.description.diff_id,
            size,
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
            None => self.tar()?.size,
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

/// The form in which a layer's bytes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The uncompressed tar.
    Tar(Checking),
    /// The bytes as they lie there, compressed or not: the blob that [`stevedore_image::load_manifest::blob`]
    /// describes.
    Blob(Checking),
}

/// Who compares a layer's bytes with its digest, where they are not inflated on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checking {
    /// The destination, which hashes them anyway: Docker with graphdriver storage refuses a layer whose `diff_id` is
    /// not the one that the config names (`image/tarexport/load.go` in moby: "invalid diffID for layer"), and a registry
    /// a blob that has not the digest under which it is put.
    ByDestination,
    /// This side, because the destination takes what comes: the containerd store does, when the bytes are
    /// uncompressed.
    Here,
}

enum Bytes {
    /// A file as it is.
    Plain(File),
    /// A compressed blob; `None` once it has been checked.
    Inflated(Option<Box<Decompressor<HashingReader<File>>>>),
}

const DIFF_ID: &str = "diff_id";
const BLOB_DIGEST: &str = "digest";

/// The bytes of a layer's tar or blob; exactly as many as its description says.
///
/// A layer is checked before its last bytes are given: who got them all got the right ones. The errors are
/// [`SourceError`]s inside [`io::Error`]s.
pub struct LayerReader {
    layer: Layer,
    bytes: Bytes,
    /// What `expected` is the digest of, for a message.
    what: &'static str,
    expected: Content,
    /// Hashes what is given; `None` if nobody here compares it, or it has been compared.
    hasher: Option<Hasher>,
    given: u64,
}

impl LayerReader {
    /// Goes to the byte `offset`. Bytes that are hashed here are read for that.
    ///
    /// # Errors
    /// A [`SourceError`] inside.
    pub fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        let left = offset.saturating_sub(self.given);
        match (&mut self.bytes, &self.hasher) {
            (Bytes::Plain(file), None) => {
                let sought = file.seek(SeekFrom::Start(offset));
                sought.map_err(|error| io::Error::other(self.layer.blame(error)))?;
                self.given = offset;
                Ok(())
            }
            _ => io::copy(&mut self.take(left), &mut io::sink()).map(drop),
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let expected = self.expected.size;
        let left = usize::try_from(expected - self.given).unwrap_or(usize::MAX);
        let limit = buffer.len().min(left);
        let buffer = &mut buffer[..limit];
        let count = match &mut self.bytes {
            Bytes::Plain(file) => file.read(buffer),
            Bytes::Inflated(Some(decompressor)) => decompressor.read(buffer),
            Bytes::Inflated(None) => Ok(0),
        }
        .map_err(|error| self.layer.blame(error))?;
        self.given += count as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        if count == 0 && limit > 0 {
            return Err(self.wrong_size(self.given));
        }
        if self.given == expected {
            self.check()?;
        }
        Ok(count)
    }

    fn wrong_size(&self, found: u64) -> SourceError {
        let path = self.layer.path.clone();
        let expected = self.expected.size;
        match self.bytes {
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

    /// Compares the digests, and that of a blob with what is left of it.
    fn check(&mut self) -> Result<(), SourceError> {
        let layer = &self.layer;
        if let Bytes::Inflated(Some(decompressor)) = &mut self.bytes {
            let more = decompressor.read(&mut [0]);
            if more.map_err(|error| layer.blame(error))? > 0 {
                return Err(self.wrong_size(self.given + 1));
            }
        }
        if let Some(hasher) = self.hasher.take() {
            layer.compare(self.what, self.expected.digest, hasher.finish().digest)?;
        }
        let (Bytes::Inflated(decompressor), Some(blob)) = (&mut self.bytes, &layer.blob) else {
            return Ok(());
        };
        let Some(decompressor) = decompressor.take() else {
            return Ok(());
        };
        let mut compressed = decompressor.into_inner();
        io::copy(&mut compressed, &mut io::sink()).map_err(|error| layer.blame(error))?;
        layer.compare(BLOB_DIGEST, blob.digest, compressed.finish().digest)
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

#[cfg(test)]
mod tests;
