//! A layer that is read, compressed or not.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::archive::{Member, Reader};
use crate::compression::{Compression, Decompressor};
use crate::error::Error;
use crate::image_files::ImageFiles;

const BUFFER: usize = 64 << 10;

/// Takes a member and what reads its content. Tells whether the next one is wanted.
pub(crate) type Visit<'a> = dyn FnMut(Member, &mut dyn Read) -> Result<bool, Error> + 'a;

/// The file of a layer.
pub(crate) struct Source {
    path: PathBuf,
    file: File,
}

impl Source {
    /// Opens the file `path`.
    pub(crate) fn at(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::io("open", path, source))?;
        let path = path.to_owned();
        Ok(Self { path, file })
    }

    /// Opens a layer of an image, the bottom one being 0.
    pub(crate) fn of_image(image: &ImageFiles, index: usize) -> Result<Self, Error> {
        let (path, file) = image.open_layer(index)?;
        Ok(Self { path, file })
    }

    /// The file, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the members in their order. The content that nobody reads is skipped, by seeking where that is possible.
    pub(crate) fn each_member(&self, visit: &mut Visit<'_>) -> Result<(), Error> {
        let failed = |source| Error::io("read", &self.path, source);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let decompressor = Decompressor::new(file).map_err(failed)?;
        if decompressor.compression() != Compression::None {
            return walk(self.reader(decompressor), visit);
        }
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let reader = BufReader::with_capacity(BUFFER, file);
        walk(self.reader(reader).seeking(), visit)
    }

    /// A layer may be one that somebody else made, with absolute names.
    fn reader<R: Read>(&self, inner: R) -> Reader<R> {
        Reader::new(&self.path, inner).with_absolute_names()
    }
}

fn walk<R: Read>(mut reader: Reader<R>, visit: &mut Visit<'_>) -> Result<(), Error> {
    while let Some((member, data)) = reader.next_member()? {
        if !visit(member, &mut reader.content(&data))? {
            break;
        }
    }
    Ok(())
}
