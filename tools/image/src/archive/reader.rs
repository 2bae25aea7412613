//! Reads archives, and refuses those that are damaged or reach outside the image.

use std::io::{self, Read, Seek};
use std::path::Path;

use tar::{EntryType, Header};

use super::blocks::Blocks;
use super::extensions::Extensions;
use super::field;
use super::sparse::{self, Data, Expanded};
use super::{pax, Kind, Member, BLOCK};
use crate::error::Error;

/// Long names and pax headers are kept in memory, so they are bounded.
const MAX_EXTENSION: u64 = 1 << 20;
/// The map of a sparse file too.
const MAX_SPARSE_MAP: usize = 1 << 20;

/// Reads the members of a plain tar stream, one after the other, to its very end.
///
/// Names are checked as they pass: none has `..` in it or, unless that is asked for, is absolute. All of the forms that GNU tar, BSD tar, Go and
/// Bazel write are understood: V7, ustar, GNU long names, pax, base-256 numbers, and sparse files of all four formats.
pub struct Reader<R> {
    blocks: Blocks<R>,
    /// Stored bytes of the current member, and their padding, that were not read yet.
    unread: u64,
    /// The current member's name and the offset of its header, for messages.
    current: (String, u64),
    takes_absolute: bool,
}

impl<R: Read> Reader<R> {
    /// A reader of `inner`, a plain tar that errors name as `path`.
    pub fn new(path: &Path, inner: R) -> Self {
        Self {
            blocks: Blocks::new(path, inner),
            unread: 0,
            current: (String::new(), 0),
            takes_absolute: false,
        }
    }

    /// Takes absolute names too, as engines do, which take them for relative ones.
    pub fn with_absolute_names(mut self) -> Self {
        self.takes_absolute = true;
        self
    }

    /// Goes over the content of large members without reading it. The stream must be at its beginning.
    pub fn seeking(mut self) -> Self
    where
        R: Seek,
    {
        self.blocks.seeking();
        self
    }

    /// The inner reader.
    pub fn into_inner(self) -> R {
        self.blocks.into_inner()
    }

    /// The next member, and where its content is. After the last one the stream is read to its end, and checked to be
    /// a whole archive with nothing behind it.
    ///
    /// # Errors
    /// If the stream cannot be read, is cut off or malformed, or has a member that images cannot have.
    pub fn next_member(&mut self) -> Result<Option<(Member, Data)>, Error> {
        self.skip_content()?;
        let mut extensions = Extensions::default();
        loop {
            let offset = self.blocks.position();
            let Some(header) = self.next_header()? else {
                return self.blocks.check_end().map(|()| None);
            };
            self.current = (lossy(&header.path_bytes()), offset);
            match header.entry_type() {
                EntryType::XHeader => self.take_pax(&header, &mut extensions)?,
                EntryType::XGlobalHeader => self.take_global_pax(&header)?,
                EntryType::GNULongName => extensions.name = Some(self.long_name(&header)?),
                EntryType::GNULongLink => extensions.target = Some(self.long_name(&header)?),
                _ => return self.member(&header, extensions).map(Some),
            }
        }
    }

    /// Reads the content of the member that came last, whose place is `data`, with its holes filled. The part of it that
    /// is not read is skipped.
    pub fn content<'a>(&'a mut self, data: &'a Data) -> Expanded<'a, Stored<'a, R>> {
        data.expand(Stored { reader: self })
    }

    fn member(
        &mut self,
        header: &Header,
        mut extensions: Extensions,
    ) -> Result<(Member, Data), Error> {
        let name = extensions
            .sparse
            .name
            .take()
            .or(extensions.name.take())
            .unwrap_or_else(|| header.path_bytes().into_owned());
        self.current.0 = lossy(&name);
        self.check_name(&name, "that")?;
        let stored = match extensions.size {
            Some(size) => size,
            None => self.sound(field::size(header))?,
        };
        let kind = self.kind(header, &name, stored, &mut extensions)?;
        let data = self.data(&kind, stored, &mut extensions)?;
        let kind = match kind {
            Kind::File { .. } => Kind::File { size: data.size() },
            other => other,
        };
        extensions.xattrs.sort();
        let member = Member {
            name,
            kind,
            mode: self.sound(field::mode(header))?,
            uid: self.sound(extensions.uid.map_or_else(|| field::uid(header), Ok))?,
            gid: self.sound(extensions.gid.map_or_else(|| field::gid(header), Ok))?,
            mtime: self.sound(extensions.mtime.map_or_else(|| field::mtime(header), Ok))?,
            xattrs: extensions.xattrs,
        };
        Ok((member, data))
    }

    fn kind(
        &mut self,
        header: &Header,
        name: &[u8],
        stored: u64,
        extensions: &mut Extensions,
    ) -> Result<Kind, Error> {
        let mut target = || {
            extensions
                .target
                .take()
                .or_else(|| header.link_name_bytes().map(|target| target.into_owned()))
                .unwrap_or_default()
        };
        Ok(match header.entry_type() {
            // Before ustar, a directory was told by its slash alone.
            EntryType::Regular if name.ends_with(b"/") => Kind::Directory,
            EntryType::Regular | EntryType::Continuous => Kind::File { size: stored },
            EntryType::GNUSparse => {
                self.take_gnu_sparse(header, extensions)?;
                Kind::File { size: stored }
            }
            EntryType::Link => {
                let target = target();
                self.check_name(&target, "whose hard link target")?;
                Kind::HardLink { target }
            }
            EntryType::Symlink => Kind::Symlink { target: target() },
            EntryType::Directory => Kind::Directory,
            EntryType::Fifo => Kind::Fifo,
            device @ (EntryType::Char | EntryType::Block) => {
                let (major, minor) = self.sound(field::device(header))?;
                match device {
                    EntryType::Char => Kind::CharacterDevice { major, minor },
                    _ => Kind::BlockDevice { major, minor },
                }
            }
            other => {
                return Err(Error::UnsupportedMember {
                    path: self.blocks.path().to_owned(),
                    member: self.current.0.clone(),
                    offset: self.current.1,
                    found: char::from(other.as_byte()),
                })
            }
        })
    }

    /// Notes where the content is and how much of it is to be skipped. Only files have content: what the header of a
    /// link or directory tells of a size means nothing, as Go and GNU tar have it too.
    fn data(
        &mut self,
        kind: &Kind,
        stored: u64,
        extensions: &mut Extensions,
    ) -> Result<Data, Error> {
        if !matches!(kind, Kind::File { .. }) {
            return Ok(Data::whole(self.blocks.position(), 0));
        }
        self.unread = stored
            .checked_next_multiple_of(BLOCK as u64)
            .ok_or_else(|| self.malformed("its size is too large"))?;
        let map = &mut extensions.sparse;
        if !map.is_sparse() {
            return Ok(Data::whole(self.blocks.position(), stored));
        }
        let mut map = std::mem::take(map);
        let start = self.blocks.position();
        if map.is_in_content {
            self.take_map_in_content(&mut map)?;
        }
        let stored = stored.saturating_sub(self.blocks.position() - start);
        map.real_size
            .and_then(|size| Data::sparse(self.blocks.position(), size, stored, map.pieces))
            .ok_or_else(|| self.malformed("its map of a sparse file contradicts itself"))
    }

    /// The map of pax format 1.0: the number of pieces, then their offsets and lengths, one number a line, filled up
    /// to a whole block.
    fn take_map_in_content(&mut self, map: &mut sparse::Map) -> Result<(), Error> {
        let mut text = Vec::new();
        loop {
            if self.unread == 0 || text.len() > MAX_SPARSE_MAP {
                return Err(self.malformed("its map of a sparse file does not end"));
            }
            text.extend_from_slice(&self.content_block()?);
            let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
            // What follows the last line end is incomplete, or filling.
            lines.pop();
            let Some((first, numbers)) = lines.split_first() else {
                continue;
            };
            let count = self.sound(sparse::number(first))?;
            let wanted = usize::try_from(count).map_or(usize::MAX, |count| count.saturating_mul(2));
            if numbers.len() >= wanted {
                return self.sound(map.take_pairs(&numbers[..wanted]));
            }
        }
    }

    fn take_gnu_sparse(
        &mut self,
        header: &Header,
        extensions: &mut Extensions,
    ) -> Result<(), Error> {
        let gnu = header
            .as_gnu()
            .ok_or_else(|| self.malformed("it is of a sparse file but not one of GNU tar"))?;
        let map = &mut extensions.sparse;
        let real_size = gnu.real_size().map_err(|_| "its size is malformed");
        map.real_size = Some(self.sound(real_size)?);
        let mut taken = map.take_gnu(&gnu.sparse).map(|()| gnu.is_extended());
        while let Ok(true) = taken {
            let block = self.extension_block()?;
            taken = map.take_gnu_block(&block);
        }
        self.sound(taken.map(drop))
    }

    fn take_pax(&mut self, header: &Header, extensions: &mut Extensions) -> Result<(), Error> {
        let bytes = self.extension(header)?;
        let records = self.sound(pax::parse(&bytes))?;
        for (key, value) in records {
            self.sound(extensions.take_record(key, value))?;
        }
        Ok(())
    }

    /// Git writes a comment for the whole archive. What would change the members after it is too rare to be worth it.
    fn take_global_pax(&mut self, header: &Header) -> Result<(), Error> {
        let bytes = self.extension(header)?;
        let records = self.sound(pax::parse(&bytes))?;
        match records.iter().all(|(key, _)| *key == b"comment") {
            true => Ok(()),
            false => Err(self.malformed("it is a global pax header with more than a comment")),
        }
    }

    fn long_name(&mut self, header: &Header) -> Result<Vec<u8>, Error> {
        let mut name = self.extension(header)?;
        if let Some(end) = name.iter().position(|byte| *byte == 0) {
            name.truncate(end);
        }
        Ok(name)
    }

    /// The content of a header that belongs to the member after it.
    fn extension(&mut self, header: &Header) -> Result<Vec<u8>, Error> {
        let size = self.sound(field::size(header))?;
        if size > MAX_EXTENSION {
            return Err(self.malformed("an extended header is larger than 1 MiB"));
        }
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < size {
            bytes.extend_from_slice(&self.extension_block()?);
        }
        bytes.truncate(size as usize);
        Ok(bytes)
    }

    fn extension_block(&mut self) -> Result<[u8; BLOCK], Error> {
        let mut block = [0; BLOCK];
        match self.blocks.read(&mut block)? {
            BLOCK => Ok(block),
            _ => Err(self.truncated()),
        }
    }

    fn content_block(&mut self) -> Result<[u8; BLOCK], Error> {
        let block = self.extension_block()?;
        self.unread -= BLOCK as u64;
        Ok(block)
    }

    fn next_header(&mut self) -> Result<Option<Header>, Error> {
        let offset = self.blocks.position();
        let mut header = Header::new_old();
        let count = self.blocks.read(header.as_mut_bytes())?;
        if count < BLOCK {
            return Err(Error::TruncatedArchive {
                path: self.blocks.path().to_owned(),
                end: offset + count as u64,
            });
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        self.current = (String::new(), offset);
        self.sound(field::checksum(&header))?;
        Ok(Some(header))
    }

    fn skip_content(&mut self) -> Result<(), Error> {
        let unread = std::mem::take(&mut self.unread);
        match self.blocks.skip(unread)? {
            true => Ok(()),
            false => Err(self.truncated()),
        }
    }

    fn check_name(&self, name: &[u8], subject: &str) -> Result<(), Error> {
        let problem = if name.is_empty() {
            "is empty"
        } else if name.starts_with(b"/") && !self.takes_absolute {
            "is absolute"
        } else if name.split(|byte| *byte == b'/').any(|part| part == b"..") {
            "has `..` in it"
        } else if name.contains(&0) {
            "has a zero byte in it"
        } else {
            return Ok(());
        };
        Err(Error::UnsafeMember {
            path: self.blocks.path().to_owned(),
            member: self.current.0.clone(),
            offset: self.current.1,
            reason: match subject {
                "that" => format!("that {problem}"),
                _ => format!("{subject} `{}` {problem}", lossy(name)),
            },
        })
    }

    /// What a field has, or the error for what is wrong with it.
    fn sound<T>(&self, result: Result<T, &'static str>) -> Result<T, Error> {
        result.map_err(|reason| self.malformed(reason))
    }

    fn malformed(&self, reason: &'static str) -> Error {
        Error::MalformedArchive {
            path: self.blocks.path().to_owned(),
            offset: self.current.1,
            reason,
        }
    }

    fn truncated(&self) -> Error {
        Error::TruncatedMember {
            path: self.blocks.path().to_owned(),
            member: self.current.0.clone(),
            offset: self.current.1,
            end: self.blocks.position(),
        }
    }
}

/// Reads what is stored of the current member's content.
pub struct Stored<'a, R> {
    reader: &'a mut Reader<R>,
}

impl<R: Read> Read for Stored<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let unread = self.reader.unread;
        let length =
            usize::try_from(unread).map_or(buffer.len(), |unread| unread.min(buffer.len()));
        let count = self.reader.blocks.read_some(&mut buffer[..length])?;
        self.reader.unread -= count as u64;
        Ok(count)
    }
}

fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}
