//! What changed between two snapshots.

use std::cmp::Ordering;
use std::path::Path;

use crate::changes::{Changes, Entry};
use crate::error::Error;
use crate::inode;
use crate::path;
use crate::snapshot::{Node, Snapshot};

/// The changes of the root file system at `root` from `before` to `after`, which is how it still is.
///
/// A directory whose times alone differ did not change; what was removed is one whiteout, not one for each file in it.
///
/// # Errors
/// [`Error::Io`] for a file that cannot be read any more, [`Error::ReservedName`] for one that a layer cannot have.
pub fn difference(root: &Path, before: &Snapshot, after: &Snapshot) -> Result<Changes, Error> {
    let mut difference = Difference {
        root,
        entries: Vec::new(),
    };
    difference.directory(&[], &before.children, &after.children)?;
    Ok(Changes::new(difference.entries))
}

struct Difference<'a> {
    root: &'a Path,
    entries: Vec<Entry>,
}

impl Difference<'_> {
    /// Adds what changed below the directory `path`.
    fn directory(&mut self, path: &[u8], before: &[Node], after: &[Node]) -> Result<(), Error> {
        let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
        loop {
            let order = match (before.peek(), after.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(one), Some(other)) => one.name.cmp(&other.name),
            };
            let old = before.next_if(|_| order.is_le());
            let new = after.next_if(|_| order.is_ge());
            match (old, new) {
                (old, Some(new)) => self.node(&path::join(path, &new.name), old, new)?,
                (Some(old), None) => {
                    let gone = path::join(path, &old.name);
                    self.entries.push(Entry::whiteout(gone));
                }
                (None, None) => {}
            }
        }
    }

    /// Adds what changed at `path`, where there is `new` now.
    fn node(&mut self, path: &[u8], old: Option<&Node>, new: &Node) -> Result<(), Error> {
        let Some(directory) = &new.directory else {
            return match old {
                Some(old) if old.stamp == new.stamp => Ok(()),
                _ => self.add(path),
            };
        };
        let old_directory = old.and_then(|old| old.directory.as_ref().map(|found| (old, found)));
        let is_same = old_directory.is_some_and(|(old, found)| {
            old.stamp.of_directory() == new.stamp.of_directory() && found.xattrs == directory.xattrs
        });
        let (at, found) = (self.entries.len(), old_directory.map(|(_, found)| found));
        let children = found.map_or(&[][..], |found| &found.children);
        self.directory(path, children, &directory.children)?;
        match is_same && self.entries.len() == at {
            true => Ok(()),
            false => self.add(path),
        }
    }

    fn add(&mut self, path: &[u8]) -> Result<(), Error> {
        self.entries.extend(inode::look_at(self.root, path)?);
        Ok(())
    }
}
