//! The layer as a tar.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use stevedore_image::archive::{self, Kind, Member};

use crate::changes::{Changes, Entry, EntryKind, Inode};
use crate::error::Error;
use crate::path;

/// How much of a file is read at once.
const BUFFER: usize = 128 << 10;

/// Writes the canonical tar of `changes`, whose files are below `root`: its bytes depend on nothing else but
/// `latest_mtime`, in seconds since the epoch, after which no entry says that it was changed.
///
/// # Errors
/// [`Error::Io`] and [`Error::Shrunk`] for a file that is not as it was, [`Error::Write`] for `out`.
pub fn write_layer(
    changes: &Changes,
    root: &Path,
    latest_mtime: Option<i64>,
    out: &mut impl Write,
) -> Result<(), Error> {
    let mut layer = Layer {
        root,
        latest_mtime,
        first_names: HashMap::new(),
        buffer: vec![0; BUFFER],
        out,
    };
    for entry in changes.entries() {
        layer.entry(entry)?;
    }
    layer.bytes(archive::end_of_archive())?;
    layer.out.flush().map_err(Error::Write)
}

struct Layer<'a, W> {
    root: &'a Path,
    latest_mtime: Option<i64>,
    /// The path of the entry that has a file's data.
    first_names: HashMap<Inode, Vec<u8>>,
    buffer: Vec<u8>,
    out: &'a mut W,
}

impl<W: Write> Layer<'_, W> {
    fn entry(&mut self, entry: &Entry) -> Result<(), Error> {
        let kind = self.kind(entry);
        let mut name = entry.tar_path();
        if kind == Kind::Directory {
            name.push(b'/');
        }
        let size = kind.size();
        let attributes = &entry.attributes;
        self.bytes(&archive::header(&Member {
            name,
            kind,
            mode: attributes.mode,
            uid: attributes.uid.into(),
            gid: attributes.gid.into(),
            mtime: self.clamp(attributes.mtime),
            xattrs: attributes.xattrs.clone(),
        }))?;
        match size {
            0 => Ok(()),
            _ => self.content(&entry.path, size),
        }
    }

    fn clamp(&self, mtime: i64) -> i64 {
        self.latest_mtime.map_or(mtime, |latest| mtime.min(latest))
    }

    fn kind(&mut self, entry: &Entry) -> Kind {
        if let Some(inode) = entry.inode {
            if let Some(target) = self.first_names.get(&inode) {
                let target = target.clone();
                return Kind::HardLink { target };
            }
            self.first_names.insert(inode, entry.path.clone());
        }
        match &entry.kind {
            EntryKind::File { size } => Kind::File { size: *size },
            EntryKind::Symlink { target } => Kind::Symlink {
                target: target.clone(),
            },
            EntryKind::Directory => Kind::Directory,
            EntryKind::CharacterDevice { major, minor } => Kind::CharacterDevice {
                major: *major,
                minor: *minor,
            },
            EntryKind::BlockDevice { major, minor } => Kind::BlockDevice {
                major: *major,
                minor: *minor,
            },
            EntryKind::Fifo => Kind::Fifo,
            EntryKind::Whiteout => Kind::File { size: 0 },
        }
    }

    /// Writes `size` bytes of the file at `path`, and what fills them up to whole blocks.
    fn content(&mut self, path: &[u8], size: u64) -> Result<(), Error> {
        let disk = path::below(self.root, path);
        let file = File::open(&disk).map_err(Error::io("open", &disk))?;
        let mut reader = file.take(size);
        let mut written = 0;
        loop {
            let count = reader
                .read(&mut self.buffer)
                .map_err(Error::io("read", &disk))?;
            if count == 0 {
                break;
            }
            self.out
                .write_all(&self.buffer[..count])
                .map_err(Error::Write)?;
            written += count as u64;
        }
        if written != size {
            return Err(Error::Shrunk {
                path: disk,
                expected: size,
                found: written,
            });
        }
        self.bytes(archive::padding(size))
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes).map_err(Error::Write)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;
    use crate::changes::Attributes;

    fn file(path: &str, size: u64, inode: Option<u64>) -> Entry {
        Entry {
            path: path.into(),
            kind: EntryKind::File { size },
            attributes: Attributes {
                mode: 0o644,
                mtime: 100,
                ..Attributes::default()
            },
            inode: inode.map(|number| Inode { device: 1, number }),
        }
    }

    fn written(entries: Vec<Entry>, root: &Path, latest: Option<i64>) -> Result<Vec<u8>, Error> {
        let mut tar = Vec::new();
        write_layer(&Changes::new(entries), root, latest, &mut tar)?;
        Ok(tar)
    }

    /// Name, link and time of each entry.
    fn read(tar: &[u8]) -> Vec<(String, Option<String>, u64)> {
        let mut archive = tar::Archive::new(tar);
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let link = entry.link_name_bytes().map(|link| text(&link));
            let time = entry.header().mtime().unwrap();
            (text(&entry.path_bytes()), link, time)
        });
        entries.collect()
    }

    #[test]
    fn no_changes_are_an_archive_without_entries() {
        let tar = written(Vec::new(), Path::new("/"), None).unwrap();
        assert_eq!(tar, [0; 1024]);
    }

    #[test]
    fn the_first_name_in_order_has_the_data_of_a_file_with_several() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a"), "data").unwrap();
        let entries = vec![
            file("z", 4, Some(7)),
            file("a", 4, Some(7)),
            file("m", 0, Some(8)),
        ];
        let tar = written(entries, root.path(), None);
        // `m` is of another file, whose size says that nothing is read.
        let link = Some("a".to_owned());
        assert_eq!(
            read(&tar.unwrap()),
            [
                ("a".into(), None, 100),
                ("m".into(), None, 100),
                ("z".into(), link, 100)
            ]
        );
    }

    #[test]
    fn times_are_clamped_and_a_whiteouts_is_zero() {
        let entries = || vec![file("a", 0, None), Entry::whiteout(b"d/gone".to_vec())];
        let times = |latest| {
            let tar = written(entries(), Path::new("/"), latest).unwrap();
            read(&tar)
                .into_iter()
                .map(|(name, _, time)| (name, time))
                .collect::<Vec<_>>()
        };
        let expected = |time| [("a".to_owned(), time), ("d/.wh.gone".to_owned(), 0)];
        assert_eq!(times(Some(50)), expected(50));
        assert_eq!(times(Some(500)), expected(100));
        assert_eq!(times(None), expected(100));
    }

    #[test]
    fn a_file_that_became_shorter_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a"), "data").unwrap();
        let result = written(vec![file("a", 5, None)], root.path(), None);
        assert!(matches!(
            result,
            Err(Error::Shrunk {
                expected: 5,
                found: 4,
                ..
            })
        ));
    }

    #[test]
    fn of_a_file_that_grew_only_what_was_there_is_written() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a"), vec![1; 2000]).unwrap();
        let tar = written(vec![file("a", 1000, None)], root.path(), None).unwrap();
        // The header, two blocks with zeros at their end, the end.
        assert_eq!(tar.len(), 512 + 1024 + 1024);
        assert!(tar[512 + 1000..].iter().all(|byte| *byte == 0));
    }
}
