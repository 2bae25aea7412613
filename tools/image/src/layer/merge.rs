//! Tars whose members become part of a layer.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::archive::{Data, Member, Reader};
use crate::compression::{Compression, Decompressor};
use crate::error::Error;

const BUFFER: usize = 64 << 10;

/// A tar that is open, so that its members can be read in another order than they come in.
#[derive(Debug)]
pub(super) struct Archive {
    /// The file as the target has it, for messages.
    pub(super) path: PathBuf,
    /// The plain tar. If the file is compressed, this is a temporary one that has no name.
    pub(super) file: File,
}

impl Archive {
    /// Opens a tar and lists its members. `scratch` is a directory for the plain form of a compressed one.
    pub(super) fn open(
        path: &Path,
        scratch: &Path,
        take: impl FnMut(Member, Data) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let failed = |source| Error::io("read", path, source);
        let mut file = File::open(path).map_err(|source| Error::io("open", path, source))?;
        let decompressor = Decompressor::new(&mut file).map_err(failed)?;
        if decompressor.compression() != Compression::None {
            let plain = tempfile::tempfile_in(scratch)
                .map_err(|source| Error::io("create a temporary file in", scratch, source))?;
            let tee = Tee {
                reader: decompressor,
                writer: &plain,
                directory: scratch,
            };
            list(Reader::new(path, tee), take)?;
            file = plain;
        } else {
            drop(decompressor);
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
            let reader = BufReader::with_capacity(BUFFER, &mut file);
            list(Reader::new(path, reader).seeking(), take)?;
        }
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }
}

fn list<R: Read>(
    mut reader: Reader<R>,
    mut take: impl FnMut(Member, Data) -> Result<(), Error>,
) -> Result<(), Error> {
    while let Some((member, data)) = reader.next_member()? {
        take(member, data)?;
    }
    Ok(())
}

/// Writes down what is read.
struct Tee<'a, R> {
    reader: R,
    writer: &'a File,
    directory: &'a Path,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.writer.write_all(&buffer[..count]).map_err(|source| {
            let kind = source.kind();
            io::Error::new(
                kind,
                Error::io("write a temporary file in", self.directory, source),
            )
        })?;
        Ok(count)
    }
}
