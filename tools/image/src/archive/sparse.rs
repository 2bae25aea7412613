//! The content of a member that may have holes: where its bytes are in the archive, and a reader that fills the holes.
//!
//! GNU tar has four formats for it: `S` headers, and three with pax records. See
//! <https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html>.

use std::io::{self, Read, Seek, SeekFrom};

use tar::{GnuExtSparseHeader, GnuSparseHeader};

/// Where the content of a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// The byte of the archive at which the stored pieces begin; they follow each other without gaps.
    offset: u64,
    /// The number of bytes of the file, its holes included.
    size: u64,
    /// What is stored, if that is not the whole.
    pieces: Option<Box<[Piece]>>,
}

/// Bytes that are stored: what is not in one is a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The place in the file.
    pub(super) at: u64,
    pub(super) length: u64,
}

impl Data {
    /// Content without holes.
    pub(super) fn whole(offset: u64, size: u64) -> Self {
        Self {
            offset,
            size,
            pieces: None,
        }
    }

    /// Content with holes, or nothing if the pieces overlap, go beyond the file's end, or do not add up to `stored`.
    pub(super) fn sparse(offset: u64, size: u64, stored: u64, pieces: Vec<Piece>) -> Option<Self> {
        let mut end = 0;
        let mut total: u64 = 0;
        for piece in &pieces {
            if piece.at < end {
                return None;
            }
            end = piece.at.checked_add(piece.length)?;
            total += piece.length;
        }
        (end <= size && total == stored).then_some(Self {
            offset,
            size,
            pieces: Some(pieces.into()),
        })
    }

    fn piece(&self, index: usize) -> Option<Piece> {
        match &self.pieces {
            Some(pieces) => pieces.get(index).copied(),
            None => (index == 0).then_some(Piece {
                at: 0,
                length: self.size,
            }),
        }
    }

    /// The number of bytes of the file, its holes included.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads the content out of the archive, with zeros in the holes.
    ///
    /// # Errors
    /// If `archive` cannot seek to the content.
    pub fn open<R: Read + Seek>(&self, mut archive: R) -> io::Result<Expanded<'_, R>> {
        archive.seek(SeekFrom::Start(self.offset))?;
        Ok(self.expand(archive))
    }

    /// Reads the content from `stored`, which has what is stored of it, with zeros in the holes.
    pub(super) fn expand<R: Read>(&self, stored: R) -> Expanded<'_, R> {
        Expanded {
            archive: stored,
            data: self,
            piece: 0,
            position: 0,
        }
    }
}

/// A reader of content with its holes filled.
pub struct Expanded<'a, R> {
    archive: R,
    data: &'a Data,
    piece: usize,
    position: u64,
}

impl<R: Read> Read for Expanded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let at_most =
            |length: u64| usize::try_from(length).map_or(buffer.len(), |l| l.min(buffer.len()));
        loop {
            let Some(piece) = self.data.piece(self.piece) else {
                let count = at_most(self.data.size - self.position);
                buffer[..count].fill(0);
                self.position += count as u64;
                return Ok(count);
            };
            if self.position < piece.at {
                let count = at_most(piece.at - self.position);
                buffer[..count].fill(0);
                self.position += count as u64;
                return Ok(count);
            }
            let left = piece.at + piece.length - self.position;
            if left > 0 {
                let count = at_most(left);
                let count = self.archive.read(&mut buffer[..count])?;
                self.position += count as u64;
                return Ok(count);
            }
            self.piece += 1;
        }
    }
}

/// Collects the pieces that a member's headers tell.
#[derive(Default)]
pub(super) struct Map {
    pub(super) pieces: Vec<Piece>,
    /// The size with holes.
    pub(super) real_size: Option<u64>,
    /// The member's own name, where the header has one that is made up.
    pub(super) name: Option<Vec<u8>>,
    /// The map comes before the content, in the same place: pax format 1.0.
    pub(super) is_in_content: bool,
    is_sparse: bool,
    pending_offset: Option<u64>,
}

const BAD_NUMBER: &str = "a number of a sparse file's map is malformed";

impl Map {
    /// Whether the member has a map at all.
    pub(super) fn is_sparse(&self) -> bool {
        self.is_sparse
    }

    /// Takes a pax record whose key begins with `GNU.sparse.`.
    pub(super) fn take_record(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        self.is_sparse = true;
        match key {
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.real_size = Some(number(value)?),
            b"GNU.sparse.name" => self.name = Some(value.to_vec()),
            b"GNU.sparse.major" => self.is_in_content = value == b"1",
            b"GNU.sparse.offset" => self.pending_offset = Some(number(value)?),
            b"GNU.sparse.numbytes" => {
                let at = self.pending_offset.take().ok_or(BAD_NUMBER)?;
                let length = number(value)?;
                self.pieces.push(Piece { at, length });
            }
            b"GNU.sparse.map" => {
                let numbers: Vec<&[u8]> = value.split(|byte| *byte == b',').collect();
                self.take_pairs(&numbers)?;
            }
            // The number of blocks, and the minor version, tell nothing new.
            _ => {}
        }
        Ok(())
    }

    /// Takes offsets and lengths that alternate.
    pub(super) fn take_pairs(&mut self, numbers: &[&[u8]]) -> Result<(), &'static str> {
        for pair in numbers.chunks(2) {
            let [at, length] = pair else {
                return Err(BAD_NUMBER);
            };
            self.pieces.push(Piece {
                at: number(at)?,
                length: number(length)?,
            });
        }
        Ok(())
    }

    /// Takes the pieces in the header of an `S` member.
    pub(super) fn take_gnu(&mut self, headers: &[GnuSparseHeader]) -> Result<(), &'static str> {
        self.is_sparse = true;
        for header in headers.iter().filter(|header| !header.is_empty()) {
            self.pieces.push(Piece {
                at: header.offset().map_err(|_| BAD_NUMBER)?,
                length: header.length().map_err(|_| BAD_NUMBER)?,
            });
        }
        Ok(())
    }

    /// Takes a block that continues such a header. Returns whether another one follows.
    pub(super) fn take_gnu_block(&mut self, block: &[u8; 512]) -> Result<bool, &'static str> {
        let mut extension = GnuExtSparseHeader::new();
        extension.as_mut_bytes().copy_from_slice(block);
        self.take_gnu(extension.sparse())?;
        Ok(extension.is_extended())
    }
}

/// A decimal number.
pub(super) fn number(digits: &[u8]) -> Result<u64, &'static str> {
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or(BAD_NUMBER)
}
