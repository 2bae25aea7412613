//! Tars of images that are planned before they are made.
//!
//! A plan knows its length and every byte of it but the layers' own, so that it can be written to a file or streamed to
//! an engine that is told the length beforehand. What the members are is up to [`crate::docker_archive`] and
//! [`crate::oci_archive`].

use std::io::{self, Read};

use crate::archive::{end_of_archive, header, padding, Kind, Member};

/// The plan of a tar with an image in it.
#[derive(Clone, Debug)]
pub struct ArchivePlan {
    segments: Vec<Segment>,
    length: u64,
}

/// A piece of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The bytes of a layer, exactly `size` of them: its tar or its blob, as the archive's form demands.
    Layer {
        /// The place of the layer in the image, the bottom one being 0.
        index: usize,
        /// The number of bytes.
        size: u64,
    },
}

impl ArchivePlan {
    /// The number of bytes of the whole archive.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The pieces of the archive, one after the other.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The places in the image of the layers whose bytes the archive has.
    pub fn layers(&self) -> impl Iterator<Item = usize> + '_ {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Bytes(_) => None,
            Segment::Layer { index, .. } => Some(*index),
        })
    }

    /// The bytes of all layers in the archive.
    pub fn layer_bytes(&self) -> u64 {
        let sizes = self.segments.iter().map(|segment| match segment {
            Segment::Bytes(_) => 0,
            Segment::Layer { size, .. } => *size,
        });
        sizes.sum()
    }

    /// The archive as a reader, for layers that can be opened one at a time.
    pub fn reader<R: Read, F: FnMut(usize) -> io::Result<R>>(self, open: F) -> ArchiveReader<R, F> {
        ArchiveReader {
            segments: self.segments.into_iter(),
            open,
            current: Current::Bytes(io::Cursor::new(Vec::new())),
        }
    }
}

/// An [`ArchivePlan`] as a stream of bytes.
pub struct ArchiveReader<R, F> {
    segments: std::vec::IntoIter<Segment>,
    open: F,
    current: Current<R>,
}

enum Current<R> {
    Bytes(io::Cursor<Vec<u8>>),
    Layer { reader: R, index: usize, left: u64 },
}

impl<R: Read, F: FnMut(usize) -> io::Result<R>> Read for ArchiveReader<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match &mut self.current {
                Current::Bytes(bytes) => {
                    let count = bytes.read(buffer)?;
                    if count > 0 {
                        return Ok(count);
                    }
                }
                Current::Layer { left: 0, .. } => {}
                Current::Layer {
                    reader,
                    index,
                    left,
                } => {
                    let wanted =
                        usize::try_from(*left).map_or(buffer.len(), |left| left.min(buffer.len()));
                    let count = reader.read(&mut buffer[..wanted])?;
                    if count == 0 {
                        return Err(io::Error::new(
                            io::ErrorKind::UnexpectedEof,
                            format!("layer {index} is {left} bytes shorter than described"),
                        ));
                    }
                    *left -= count as u64;
                    return Ok(count);
                }
            }
            self.current = match self.segments.next() {
                None => return Ok(0),
                Some(Segment::Bytes(bytes)) => Current::Bytes(io::Cursor::new(bytes)),
                Some(Segment::Layer { index, size }) => Current::Layer {
                    reader: (self.open)(index)?,
                    index,
                    left: size,
                },
            };
        }
    }
}

/// Makes an [`ArchivePlan`], member by member.
#[derive(Default)]
pub(crate) struct Planner {
    segments: Vec<Segment>,
    pending: Vec<u8>,
    length: u64,
}

impl Planner {
    /// Adds a file that has these bytes.
    pub(crate) fn file(&mut self, name: &str, bytes: &[u8]) {
        let size = bytes.len() as u64;
        self.header(name, size);
        self.pending.extend_from_slice(bytes);
        self.pending.extend_from_slice(padding(size));
    }

    /// Adds a file that has the bytes of the layer at `index`.
    pub(crate) fn layer(&mut self, name: &str, index: usize, size: u64) {
        self.header(name, size);
        self.flush();
        self.segments.push(Segment::Layer { index, size });
        self.length += size;
        self.pending.extend_from_slice(padding(size));
    }

    /// Ends the archive.
    pub(crate) fn finish(mut self) -> ArchivePlan {
        self.pending.extend_from_slice(end_of_archive());
        self.flush();
        ArchivePlan {
            segments: self.segments,
            length: self.length,
        }
    }

    fn header(&mut self, name: &str, size: u64) {
        self.pending.extend(header(&Member {
            name: name.as_bytes().to_vec(),
            kind: Kind::File { size },
            mode: 0o644,
            uid: 0,
            gid: 0,
            mtime: 0,
            xattrs: Vec::new(),
        }));
    }

    fn flush(&mut self) {
        let bytes = std::mem::take(&mut self.pending);
        self.length += bytes.len() as u64;
        self.segments.push(Segment::Bytes(bytes));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;

    /// The members of an archive as the `tar` crate reads them; `layers` are the bytes of the image's layers.
    pub(crate) fn members(archive: ArchivePlan, layers: &[&[u8]]) -> Vec<(String, Vec<u8>)> {
        let length = archive.length();
        let mut bytes = Vec::new();
        archive
            .reader(|index| Ok(layers[index]))
            .read_to_end(&mut bytes)
            .unwrap();
        assert_eq!(bytes.len() as u64, length);
        let mut members = Vec::new();
        for entry in tar::Archive::new(&bytes[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            members.push((
                String::from_utf8(entry.path_bytes().to_vec()).unwrap(),
                content,
            ));
        }
        members
    }

    fn plan() -> ArchivePlan {
        let mut planner = Planner::default();
        planner.file("small", b"12");
        planner.layer("layer", 1, 4);
        planner.finish()
    }

    #[test]
    fn a_plan_knows_its_layers_and_their_bytes() {
        assert_eq!(plan().layers().collect::<Vec<_>>(), [1]);
        assert_eq!(plan().layer_bytes(), 4);
        let members = members(plan(), &[b"", b"four"]);
        let expected = [
            ("small".to_owned(), b"12".to_vec()),
            ("layer".to_owned(), b"four".to_vec()),
        ];
        assert_eq!(members, expected);
    }

    #[test]
    fn a_layer_that_is_too_short_is_an_error() {
        let error = plan()
            .reader(|_| Ok(&b"two"[..]))
            .read_to_end(&mut Vec::new())
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
