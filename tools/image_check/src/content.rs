//! What was read of an image's files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use stevedore_image::digest::{Content as Digested, HashingReader};
use stevedore_image::file_system::{Entry, FileId, FileSystem, Links};
use stevedore_image::owner::Accounts;

use crate::error::Error;
use crate::file::FileCheck;
use crate::text::MOST_COMPARED;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// The file system of an image, and what is in those of its files that somebody wants to know.
pub struct Contents {
    pub(crate) files: FileSystem,
    read: BTreeMap<FileId, Content>,
}

/// What is in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// Its digest and size.
    pub(crate) digested: Digested,
    /// All of it, if it is not too much.
    pub(crate) bytes: Option<Vec<u8>>,
}

impl Content {
    /// Reads all of it, and keeps it if it is not too much; else only the digest is known.
    pub(crate) fn read(reader: &mut dyn Read) -> io::Result<Self> {
        let mut reader = HashingReader::new(reader);
        let mut bytes = Vec::new();
        (&mut reader)
            .take(MOST_COMPARED + 1)
            .read_to_end(&mut bytes)?;
        io::copy(&mut reader, &mut io::sink())?;
        Ok(Self {
            digested: reader.finish(),
            bytes: Some(bytes).filter(|bytes| bytes.len() as u64 <= MOST_COMPARED),
        })
    }
}

impl Contents {
    /// Reads what `checks` want to know of files.
    pub(crate) fn read<'a>(
        files: FileSystem,
        checks: impl Iterator<Item = &'a FileCheck>,
    ) -> Result<Self, Error> {
        let mut wanted = BTreeSet::new();
        for check in checks {
            let paths = [
                check.reads_content().then_some(check.path()),
                check.reads_accounts().then_some(PASSWD),
                check.reads_accounts().then_some(GROUP),
            ];
            let found = paths.into_iter().flatten();
            let found = found.filter_map(|path| files.find(path, Links::Follow).ok());
            wanted.extend(found.filter_map(|entry| entry.file));
        }
        let mut read = BTreeMap::new();
        files.read_files(&wanted, &mut |file, content| {
            read.insert(file, Content::read(content)?);
            Ok(())
        })?;
        Ok(Self { files, read })
    }

    /// What is in a file, if that was read.
    pub(crate) fn of(&self, entry: Entry<'_>) -> Option<&Content> {
        self.read.get(&entry.file?)
    }

    /// The accounts of the image; `label` is what errors are about.
    pub(crate) fn accounts(&self, label: &str) -> Accounts {
        let text = |path| {
            let entry = self.files.find(path, Links::Follow).ok()?;
            self.of(entry)?.bytes.as_deref()
        };
        let name = |path| format!("`{path}` of the image");
        let mut accounts = Accounts::of_image(label);
        if let Some(passwd) = text(PASSWD) {
            accounts.take_passwd(name(PASSWD), passwd);
        }
        if let Some(group) = text(GROUP) {
            accounts.take_group(name(GROUP), group);
        }
        accounts
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_large_only_the_digest_is_kept() {
        let content = Content::read(&mut &b"abc"[..]).unwrap();
        assert_eq!(content.digested, Digested::of(b"abc"));
        assert_eq!(content.bytes.as_deref(), Some(&b"abc"[..]));
        let content = Content::read(&mut io::repeat(0).take(MOST_COMPARED + 5)).unwrap();
        assert_eq!(content.digested.size, MOST_COMPARED + 5);
        assert_eq!(content.bytes, None);
    }
}
