//! The layer that a run makes, as files.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use stevedore_image::archive::Reader;
use stevedore_image::layer::{LayerOutputs, TarStream};

/// What the stream is called in messages: it is no file.
const SOURCE: &str = "the layer from the container";

/// The files that are made of a layer.
#[derive(Clone, Debug)]
pub struct LayerFiles {
    /// The uncompressed tar.
    pub tar: PathBuf,
    /// Its description, see [`stevedore_image::description::LayerDescription`].
    pub description: PathBuf,
}

/// What a layer is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LayerCounts {
    /// The number of its members.
    pub(crate) entries: u64,
    /// The number of bytes of its tar.
    pub(crate) bytes: u64,
}

impl LayerFiles {
    /// Begins to write them. Dropped before it is finished, nothing is there.
    ///
    /// # Errors
    /// If they cannot be created.
    pub(crate) fn begin(&self) -> Result<TarStream, stevedore_image::Error> {
        TarStream::create(&LayerOutputs {
            description: Some(self.description.clone()),
            tar: Some(self.tar.clone()),
            ..LayerOutputs::default()
        })
    }

    /// Writes the layer that comes from `reader`, if it has an entry or may be empty.
    ///
    /// # Errors
    /// If what comes is no complete tar, or the files cannot be written. They are not there then.
    pub(crate) fn receive(
        &self,
        reader: impl Read,
        may_be_empty: bool,
    ) -> Result<LayerCounts, stevedore_image::Error> {
        let mut tee = Tee {
            reader,
            stream: self.begin()?,
            bytes: 0,
        };
        let mut entries = 0;
        let mut members = Reader::new(Path::new(SOURCE), &mut tee);
        while members.next_member()?.is_some() {
            entries += 1;
        }
        drop(members);
        let bytes = tee.bytes;
        if entries > 0 || may_be_empty {
            tee.stream.finish()?;
        }
        Ok(LayerCounts { entries, bytes })
    }
}

/// Writes what is read.
struct Tee<R> {
    reader: R,
    stream: TarStream,
    bytes: u64,
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        Write::write_all(&mut self.stream, &buffer[..count])?;
        self.bytes += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use stevedore_image::archive::{end_of_archive, header, Kind, Member};

    use super::*;

    fn files(directory: &Path) -> LayerFiles {
        LayerFiles {
            tar: directory.join("x.tar"),
            description: directory.join("x.json"),
        }
    }

    fn tar() -> Vec<u8> {
        let directory = Member {
            name: b"d/".to_vec(),
            kind: Kind::Directory,
            mode: 0o755,
            uid: 0,
            gid: 0,
            mtime: 0,
            xattrs: Vec::new(),
        };
        [&header(&directory), end_of_archive()].concat()
    }

    #[test]
    fn a_layer_is_written_as_it_comes() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path());
        let counts = files.receive(&tar()[..], false).unwrap();
        assert_eq!((counts.entries, counts.bytes), (1, 1536));
        assert_eq!(fs::read(&files.tar).unwrap(), tar());
        let description = fs::read_to_string(&files.description).unwrap();
        assert!(description.contains("\"size\":1536"), "{description}");
    }

    #[test]
    fn half_a_layer_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path());
        for size in [100, 512, 1024, 1100] {
            let read = files.receive(&tar()[..size], true);
            assert!(read.is_err(), "{size}");
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn an_empty_layer_is_written_only_if_it_is_wanted() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path());
        let counts = files.receive(end_of_archive(), false).unwrap();
        assert_eq!(counts.entries, 0);
        assert!(!files.tar.exists());
        files.receive(end_of_archive(), true).unwrap();
        assert_eq!(fs::read(&files.tar).unwrap(), end_of_archive());
    }
}
