//! Tests of reading what was written, by this project and by others.

use std::io::{Cursor, Read};
use std::path::Path;

use super::*;

/// The content of a member, and what else is in a test's archive.
type Entry = (Member, Vec<u8>);

fn write(entries: &[Entry]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (member, content) in entries {
        archive.extend(header(member));
        archive.extend(content);
        archive.extend(padding(content.len() as u64));
    }
    archive.extend(end_of_archive());
    archive
}

fn read(archive: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut reader = Reader::new(Path::new("x.tar"), Cursor::new(archive)).seeking();
    while let Some((member, data)) = reader.next_member().unwrap() {
        let mut content = Vec::new();
        data.open(Cursor::new(archive))
            .unwrap()
            .read_to_end(&mut content)
            .unwrap();
        entries.push((member, content));
    }
    assert_eq!(streamed(archive), entries);
    entries
}

/// The same from a stream that cannot seek, whose contents are read as they come, and not to their end if that is odd.
fn streamed(archive: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut reader = Reader::new(Path::new("x.tar"), archive);
    while let Some((member, data)) = reader.next_member().unwrap() {
        let mut content = vec![0; data.size() as usize];
        let before_last = content.len().saturating_sub(1);
        let mut expanded = reader.content(&data);
        expanded.read_exact(&mut content[..before_last]).unwrap();
        if content.len().is_multiple_of(2) {
            expanded.read_exact(&mut content[before_last..]).unwrap();
        } else {
            data.open(Cursor::new(archive))
                .and_then(|mut again| again.read_exact(&mut content))
                .unwrap();
        }
        entries.push((member, content));
    }
    entries
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length).map(|_| self.below(256) as u8).collect()
    }

    /// A name of parts with letters, long ones too, and with characters beyond ASCII and even beyond UTF-8.
    fn name(&mut self) -> Vec<u8> {
        let mut parts = Vec::new();
        for _ in 0..=self.below(6) {
            let length = [3, 60, 110][self.below(3) as usize];
            let mut part = vec![b'a' + self.below(26) as u8; 1 + self.below(length) as usize];
            match self.below(8) {
                0 => part.extend("ü日".bytes()),
                1 => part.push(0xff),
                2 => part.push(b' '),
                _ => {}
            }
            parts.push(part);
        }
        parts.join(&b'/')
    }

    fn entry(&mut self) -> Entry {
        let mut name = self.name();
        let mut content = Vec::new();
        let kind = match self.below(8) {
            0 => Kind::HardLink {
                target: self.name(),
            },
            1 => Kind::Symlink {
                target: [&b"../"[..], &self.name()].concat(),
            },
            2 => {
                name.push(b'/');
                Kind::Directory
            }
            3 => Kind::CharacterDevice {
                major: self.below(256) as u32,
                minor: self.below(256) as u32,
            },
            4 => Kind::BlockDevice { major: 8, minor: 1 },
            5 => Kind::Fifo,
            _ => {
                content = self.bytes(2000);
                Kind::File {
                    size: content.len() as u64,
                }
            }
        };
        let xattrs = match self.below(4) {
            0 => vec![
                (b"security.capability".to_vec(), self.bytes(40)),
                (b"user.x".to_vec(), b"a=b\nc".to_vec()),
            ],
            _ => Vec::new(),
        };
        let member = Member {
            name,
            kind,
            mode: self.below(0o10000) as u32,
            uid: self.below(10) * 0o3_000_000,
            gid: self.below(u64::from(u32::MAX)),
            mtime: self.below(20_000_000_000) as i64 - 5_000_000_000,
            xattrs,
        };
        (member, content)
    }
}

#[test]
fn what_is_written_is_read() {
    let mut numbers = Numbers(1);
    for _ in 0..60 {
        let entries: Vec<Entry> = (0..numbers.below(12)).map(|_| numbers.entry()).collect();
        let archive = write(&entries);
        assert_eq!(read(&archive), entries);
        // What is read is written as it was: the form is canonical.
        assert!(write(&read(&archive)) == archive);
    }
}

#[test]
fn a_header_may_tell_of_more_than_8_gib() {
    let member = |size| Member {
        name: b"big".to_vec(),
        kind: Kind::File { size },
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: 0,
        xattrs: Vec::new(),
    };
    for size in [8 << 30, (1 << 40) + 1] {
        let bytes = header(&member(size));
        assert!(String::from_utf8_lossy(&bytes).contains(&format!(" size={size}\n")));
        // The content is not there, so the archive is cut off, right behind the header.
        let mut reader = Reader::new(Path::new("x.tar"), &bytes[..]);
        let (read, data) = reader.next_member().unwrap().unwrap();
        assert_eq!(read, member(size));
        assert_eq!(data.size(), size);
        let error = reader.next_member().unwrap_err().to_string();
        assert!(
            error.contains(&format!("ends at byte {}", bytes.len())),
            "{error}"
        );
    }
}

fn gnu_header(set: impl Fn(&mut tar::Header)) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_path("file").unwrap();
    header.set_size(0);
    set(&mut header);
    header.set_cksum();
    header
}

fn only(archive: &[u8]) -> Entry {
    let mut entries = read(archive);
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}

#[test]
fn the_forms_of_other_writers_are_read() {
    // Blank fields, and a time before the epoch in base 256.
    let header = gnu_header(|header| {
        header.as_old_mut().mtime = [0xff; 12];
    });
    let mut archive = header.as_bytes().to_vec();
    archive.extend(end_of_archive());
    let (member, _) = only(&archive);
    assert_eq!((member.uid, member.mode, member.mtime), (0, 0, -1));

    // GNU long names, as the `tar` crate writes them.
    let mut builder = tar::Builder::new(Vec::new());
    let long = "n".repeat(300);
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o777);
    header.set_uid(5_000_000_000);
    header.set_entry_type(tar::EntryType::Symlink);
    builder.append_link(&mut header, &long, &long).unwrap();
    let (member, _) = only(&builder.into_inner().unwrap());
    assert_eq!(member.name, long.as_bytes());
    assert_eq!(member.uid, 5_000_000_000);
    assert_eq!(
        member.kind,
        Kind::Symlink {
            target: long.into_bytes()
        }
    );

    // A directory of the V7 format is a file with a slash.
    let header = gnu_header(|header| header.set_path("directory/").unwrap());
    let mut archive = header.as_bytes().to_vec();
    archive.extend(end_of_archive());
    assert_eq!(only(&archive).0.kind, Kind::Directory);
}

fn octal(number: u64) -> [u8; 12] {
    let mut field = [0; 12];
    field[..11].copy_from_slice(format!("{number:011o}").as_bytes());
    field
}

#[test]
fn sparse_files_of_gnu_tar_are_expanded() {
    // Five pieces of one byte each, at 1000, 2000, …: four in the header, one in a block behind it.
    let piece = |number: u64| tar::GnuSparseHeader {
        offset: octal(number * 1000),
        numbytes: octal(1),
    };
    let header = gnu_header(|header| {
        header.set_entry_type(tar::EntryType::GNUSparse);
        header.set_size(5);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.set_real_size(6000);
        gnu.set_is_extended(true);
        for (index, sparse) in gnu.sparse.iter_mut().enumerate() {
            *sparse = piece(index as u64 + 1);
        }
    });
    let mut extension = tar::GnuExtSparseHeader::new();
    extension.sparse_mut()[0] = piece(5);
    let mut archive = header.as_bytes().to_vec();
    archive.extend(extension.as_bytes());
    archive.extend(b"abcde");
    archive.extend(padding(5));
    archive.extend(end_of_archive());
    let (member, content) = only(&archive);
    assert_eq!(member.kind, Kind::File { size: 6000 });
    let mut expected = vec![0; 6000];
    for (index, byte) in b"abcde".iter().enumerate() {
        expected[(index + 1) * 1000] = *byte;
    }
    assert!(content == expected);
}

#[test]
fn sparse_files_of_pax_are_expanded() {
    let with_map: &[(&str, &[u8])] = &[
        ("GNU.sparse.size", b"3000"),
        ("GNU.sparse.numblocks", b"2"),
        ("GNU.sparse.map", b"0,2,1000,1"),
    ];
    let with_pairs: &[(&str, &[u8])] = &[
        ("GNU.sparse.size", b"3000"),
        ("GNU.sparse.offset", b"0"),
        ("GNU.sparse.numbytes", b"2"),
        ("GNU.sparse.offset", b"1000"),
        ("GNU.sparse.numbytes", b"1"),
    ];
    for records in [with_map, with_pairs] {
        let mut builder = tar::Builder::new(Vec::new());
        builder
            .append_pax_extensions(records.iter().copied())
            .unwrap();
        let header = gnu_header(|header| header.set_size(3));
        builder.append(&header, &b"abc"[..]).unwrap();
        let (_, content) = only(&builder.into_inner().unwrap());
        let mut expected = vec![0; 3000];
        expected[..2].copy_from_slice(b"ab");
        expected[1000] = b'c';
        assert!(content == expected);
    }
}

#[test]
fn a_sparse_map_that_contradicts_itself_is_refused() {
    for map in ["0,2", "1000,1,0,2", "2999,3", "0,2,1000", "x,1"] {
        let mut builder = tar::Builder::new(Vec::new());
        builder
            .append_pax_extensions([
                ("GNU.sparse.size", &b"3000"[..]),
                ("GNU.sparse.map", map.as_bytes()),
            ])
            .unwrap();
        let header = gnu_header(|header| header.set_size(3));
        builder.append(&header, &b"abc"[..]).unwrap();
        let archive = builder.into_inner().unwrap();
        let error = Reader::new(Path::new("x.tar"), &archive[..])
            .next_member()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`x.tar` is not a valid tar"),
            "{map}: {error}"
        );
    }
}

#[test]
fn a_comment_for_the_whole_archive_is_skipped_and_more_is_refused() {
    for (key, is_fine) in [("comment", true), ("path", false)] {
        let mut records = pax::Records::default();
        records.push(key.as_bytes(), b"value");
        let mut header = tar::Header::new_ustar();
        header.set_size(records.as_bytes().len() as u64);
        header.set_entry_type(tar::EntryType::XGlobalHeader);
        header.set_cksum();
        let mut archive = header.as_bytes().to_vec();
        archive.extend(records.as_bytes());
        archive.extend(padding(records.as_bytes().len() as u64));
        archive.extend(end_of_archive());
        let result = Reader::new(Path::new("x.tar"), &archive[..]).next_member();
        assert_eq!(result.is_ok(), is_fine, "{key}");
    }
}
