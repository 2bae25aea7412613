//! What is known of an unpacked layer beside its files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::stage::error::Error;

/// The notes; paths are from the root, without a leading slash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::stage) struct Notes {
    /// How much of the disk the layer takes, about, in bytes.
    pub(in crate::stage) size: u64,
    /// Owners that no user of the namespace is; their files are root's here.
    pub(in crate::stage) owners: BTreeMap<Vec<u8>, (u64, u64)>,
    /// Directories that the layer has no entry for, so their attributes are those of the layers below.
    pub(in crate::stage) implied: BTreeSet<Vec<u8>>,
}

impl Notes {
    /// Writes them: records that end in a zero byte, which no path has in it.
    pub(in crate::stage) fn write(&self, path: &Path) -> Result<(), Error> {
        let mut bytes = format!("{}\0", self.size).into_bytes();
        for (file, (uid, gid)) in &self.owners {
            bytes.extend(format!("owner {uid} {gid} ").as_bytes());
            bytes.extend([file, &b"\0"[..]].concat());
        }
        for file in &self.implied {
            bytes.extend([b"implied ", &file[..], b"\0"].concat());
        }
        fs::write(path, bytes).map_err(Error::io("write", path))
    }

    /// Reads what was written.
    pub(in crate::stage) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(Error::io("read", path))?;
        let mut records = bytes.split(|byte| *byte == 0);
        let mut notes = Self {
            size: records.next().and_then(number).unwrap_or_default(),
            ..Self::default()
        };
        for record in records {
            let mut fields = record.splitn(2, |byte| *byte == b' ');
            match (fields.next(), fields.next()) {
                (Some(b"owner"), Some(rest)) => notes.owners.extend(owner(rest)),
                (Some(b"implied"), Some(file)) => notes.implied.extend([file.to_vec()]),
                _ => {}
            }
        }
        Ok(notes)
    }
}

fn owner(text: &[u8]) -> Option<(Vec<u8>, (u64, u64))> {
    let mut fields = text.splitn(3, |byte| *byte == b' ');
    let owner = (number(fields.next()?)?, number(fields.next()?)?);
    Some((fields.next()?.to_vec(), owner))
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        let notes = Notes {
            size: 5,
            owners: [(b"a b\xff".to_vec(), (7, 70_000)), (b"c".to_vec(), (1, 2))].into(),
            implied: [b"usr".to_vec(), b"usr/x y".to_vec()].into(),
        };
        notes.write(&path).unwrap();
        assert_eq!(Notes::read(&path).unwrap(), notes);
    }
}
