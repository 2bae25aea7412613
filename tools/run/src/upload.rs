//! Files of this machine on their way into a container.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use stevedore_image::archive::{end_of_archive, header, padding, Kind, Member};
use stevedore_wire::Body;
use tokio::sync::mpsc::{self, Sender};

/// How much is read at once.
const CHUNK: usize = 256 << 10;
/// How many pieces wait to be sent.
const PIECES: usize = 8;

/// A file or directory, and its path in the archive, without a leading slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// The path in the archive.
    pub(crate) path: PathBuf,
    /// The file, or the directory with all that is in it. Links are followed, since Bazel makes them of what is no link.
    pub(crate) source: PathBuf,
}

/// A tar of `items`, made while it is sent: root's, nobody can write, the directories above them included.
pub(crate) fn archive(items: Vec<Item>) -> Body {
    let (sender, receiver) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let mut writer = Writer {
            sender,
            directories: Vec::new(),
        };
        if let Err(error) = writer.write_all(&items) {
            // It may not be waited for any more.
            let _ = writer.sender.blocking_send(Err(error));
        }
    });
    let frames = stream::unfold(receiver, |mut receiver| async {
        let piece: io::Result<Bytes> = receiver.recv().await?;
        Some((piece.map(Frame::data), receiver))
    });
    StreamBody::new(frames).boxed_unsync()
}

struct Writer {
    sender: Sender<io::Result<Bytes>>,
    /// Those that were written.
    directories: Vec<PathBuf>,
}

impl Writer {
    fn write_all(&mut self, items: &[Item]) -> io::Result<()> {
        for item in items {
            let mut parents: Vec<_> = item.path.ancestors().skip(1).collect();
            parents.pop();
            for parent in parents.into_iter().rev() {
                self.write_directory(parent)?;
            }
            self.write(&item.path, &item.source)?;
        }
        self.send(end_of_archive().to_vec())
    }

    fn write(&mut self, path: &Path, source: &Path) -> io::Result<()> {
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("`{}`: {error}", source.display()))
        };
        let metadata = fs::metadata(source).map_err(named)?;
        if metadata.is_dir() {
            self.write_directory(path)?;
            let entries = fs::read_dir(source).map_err(named)?;
            let mut entries = entries.collect::<io::Result<Vec<_>>>().map_err(named)?;
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                self.write(&path.join(entry.file_name()), &entry.path())?;
            }
            return Ok(());
        }
        let mode = 0o444 | metadata.permissions().mode() & 0o111;
        let size = metadata.len();
        let file = File::open(source).map_err(named)?;
        self.send(header(&member(path, Kind::File { size }, mode)))?;
        let mut file = file.take(size);
        let mut left = size;
        while left > 0 {
            let mut piece = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
            file.read_exact(&mut piece).map_err(named)?;
            left -= piece.len() as u64;
            self.send(piece)?;
        }
        self.send(padding(size).to_vec())
    }

    fn write_directory(&mut self, path: &Path) -> io::Result<()> {
        if self.directories.iter().any(|written| written == path) {
            return Ok(());
        }
        self.directories.push(path.to_owned());
        self.send(header(&member(path, Kind::Directory, 0o755)))
    }

    fn send(&self, bytes: Vec<u8>) -> io::Result<()> {
        let sent = self.sender.blocking_send(Ok(bytes.into()));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

fn member(path: &Path, kind: Kind, mode: u32) -> Member {
    let mut name = path.as_os_str().as_bytes().to_vec();
    if kind == Kind::Directory {
        name.push(b'/');
    }
    Member {
        name,
        kind,
        mode,
        uid: 0,
        gid: 0,
        mtime: 0,
        xattrs: Vec::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    async fn names(items: Vec<Item>) -> Result<Vec<String>, io::Error> {
        let bytes = archive(items).collect().await?.to_bytes();
        let mut reader = stevedore_image::archive::Reader::new(Path::new("x"), &bytes[..]);
        let mut names = Vec::new();
        while let Some((member, _)) = reader.next_member().map_err(io::Error::other)? {
            names.push(String::from_utf8(member.name).unwrap());
        }
        Ok(names)
    }

    #[tokio::test]
    async fn directories_come_before_what_is_in_them_and_once() {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path().join("tree");
        fs::create_dir(&tree).unwrap();
        for (name, size) in [("b", 600_000), ("a", 0)] {
            fs::write(tree.join(name), vec![1; size]).unwrap();
        }
        std::os::unix::fs::symlink("a", tree.join("c")).unwrap();
        let item = |path: &str, source: &str| Item {
            path: path.into(),
            source: tree.join(source),
        };
        let items = vec![item("in/x", "a"), item("in/t", ""), item("in/t/d", "b")];
        let expected = [
            "in/", "in/x", "in/t/", "in/t/a", "in/t/b", "in/t/c", "in/t/d",
        ];
        assert_eq!(names(items).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_breaks_the_upload_and_is_named() {
        let item = Item {
            path: "x".into(),
            source: "/nowhere/x".into(),
        };
        let error = names(vec![item]).await.unwrap_err();
        assert!(error.to_string().contains("/nowhere/x"), "{error}");
    }
}
