//! A layer that is exactly one tar which exists already.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::stream::TarStream;
use super::LayerOutputs;
use crate::archive::Reader;
use crate::compression::{Compression, Decompressor};
use crate::description::BlobDescription;
use crate::digest::{Content, HashingReader};
use crate::error::Error;
use crate::json;
use crate::media_type;
use crate::output::OutputFile;

/// A tar, compressed or not, that is taken as it is. If it is compressed, it is its own blob.
#[derive(Clone, Debug)]
pub struct Prebuilt {
    path: PathBuf,
    compression: Compression,
}

impl Prebuilt {
    /// Looks at a file's name and its first bytes, which must tell the same compression.
    ///
    /// # Errors
    /// If they do not, or the file cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let expected = Compression::of_file_name(&name).ok_or_else(|| Error::NotATar {
            path: path.to_owned(),
        })?;
        let mut start = Vec::new();
        File::open(path)
            .and_then(|file| file.take(4).read_to_end(&mut start))
            .map_err(|source| Error::io("read", path, source))?;
        let found = Compression::sniff(&start);
        match found == expected {
            true => Ok(Self {
                path: path.to_owned(),
                compression: found,
            }),
            false => Err(Error::WrongSuffix {
                path: path.to_owned(),
                expected,
                found,
            }),
        }
    }

    /// Makes the outputs that are asked for, and checks the tar on the way. If nothing but the blob of a compressed
    /// tar is asked for, its content is not looked at.
    ///
    /// # Errors
    /// If the tar is damaged or reaches outside the image, or a file cannot be read or written. No output is there
    /// then.
    pub fn build(&self, outputs: &LayerOutputs) -> Result<(), Error> {
        if self.compression == Compression::None {
            let mut stream = TarStream::create(outputs)?;
            self.read(self.file()?, &mut stream)?;
            return stream.finish();
        }
        let of_tar = LayerOutputs {
            blob: None,
            blob_description: None,
            ..outputs.clone()
        };
        let content = match of_tar.tar.is_some() || of_tar.description.is_some() {
            true => {
                let mut stream = TarStream::create(&of_tar)?;
                let content = self.decompress(&mut stream)?;
                stream.finish()?;
                content
            }
            false => self.copy(&mut io::sink(), &self.path)?,
        };
        if let Some(path) = &outputs.blob {
            let output = OutputFile::create(path)?;
            self.copy(&mut output.writer()?, path)?;
            output.commit()?;
        }
        if let Some(path) = &outputs.blob_description {
            let media_type = media_type::oci_layer(self.compression);
            let description = BlobDescription::new(media_type, content);
            OutputFile::write(path, &json::to_bytes(&description)?)?;
        }
        Ok(())
    }

    /// Reads the whole tar out of the compressed file. Returns the content of the file itself.
    fn decompress(&self, stream: &mut TarStream) -> Result<Content, Error> {
        let decompressor = Decompressor::new(HashingReader::new(self.file()?))
            .map_err(|source| Error::io("read", &self.path, source))?;
        let decompressor = self.read(decompressor, stream)?;
        Ok(decompressor.into_inner().finish())
    }

    /// Reads the whole tar into the stream, and checks it.
    fn read<R: Read>(&self, reader: R, stream: &mut TarStream) -> Result<R, Error> {
        let mut archive = Reader::new(&self.path, Tap { reader, stream });
        while archive.next_member()?.is_some() {}
        Ok(archive.into_inner().reader)
    }

    fn copy(&self, writer: &mut impl Write, destination: &Path) -> Result<Content, Error> {
        let mut reader = HashingReader::new(self.file()?);
        let mut buffer = vec![0; 256 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(reader.finish()),
                Ok(count) => writer
                    .write_all(&buffer[..count])
                    .map_err(|source| Error::io("write", destination, source))?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::io("read", &self.path, source)),
            }
        }
    }

    fn file(&self) -> Result<File, Error> {
        File::open(&self.path).map_err(|source| Error::io("open", &self.path, source))
    }
}

/// Passes on what is read.
struct Tap<'a, R> {
    reader: R,
    stream: &'a mut TarStream,
}

impl<R: Read> Read for Tap<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        Write::write_all(self.stream, &buffer[..count])?;
        Ok(count)
    }
}
