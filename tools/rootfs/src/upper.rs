//! What changed in an overlay, as its upper directory tells.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use crate::changes::{Changes, Entry};
use crate::error::Error;
use crate::inode::{self, Stamp};
use crate::path;
use crate::skipped::Skipped;
use crate::xattrs;

/// The changes from `below`, what the overlay's lower directories have together, to what its directory `upper` makes of it. Paths
/// in `skipped`, and what is below those, are not looked at.
///
/// The overlay must have neither redirects nor metadata alone in its upper directory (`redirect_dir=off,metacopy=off`).
///
/// # Errors
/// [`Error::Io`] for a file that cannot be looked at, [`Error::ReservedName`] for one that a layer cannot have.
pub fn upper_difference(upper: &Path, below: &Path, skipped: &Skipped) -> Result<Changes, Error> {
    let mut walk = Walk {
        upper,
        below,
        skipped,
        entries: Vec::new(),
    };
    walk.children(&[], false)?;
    Ok(Changes::new(walk.entries))
}

struct Walk<'a> {
    upper: &'a Path,
    below: &'a Path,
    skipped: &'a Skipped,
    entries: Vec<Entry>,
}

impl Walk<'_> {
    /// Adds what changed in the directory `path`. `hides` says whether nothing of the lower one is seen.
    fn children(&mut self, path: &[u8], hides: bool) -> Result<(), Error> {
        let names = names(&path::below(self.upper, path))?;
        for name in &names {
            let child = path::join(path, name);
            if !self.skipped.contains(&child) {
                self.child(&child, hides)?;
            }
        }
        if hides {
            self.hidden(path, &names)?;
        }
        Ok(())
    }

    fn child(&mut self, path: &[u8], is_hidden: bool) -> Result<(), Error> {
        let disk = path::below(self.upper, path);
        let metadata = fs::symlink_metadata(&disk).map_err(Error::io("look at", &disk))?;
        if is_whiteout(&metadata) {
            if self.look_below(path)?.is_some() {
                self.entries.push(Entry::whiteout(path.to_vec()));
            }
            return Ok(());
        }
        if !metadata.is_dir() {
            return self.add(path);
        }
        let old = self.look_below(path)?.filter(Metadata::is_dir);
        let hides = old.is_some() && (is_hidden || xattrs::is_opaque(&disk)?);
        let at = self.entries.len();
        self.children(path, hides)?;
        match self.is_same(path, &metadata, old.as_ref())? && self.entries.len() == at {
            true => Ok(()),
            false => self.add(path),
        }
    }

    /// Adds what is in the lower directory and not among `names`.
    fn hidden(&mut self, path: &[u8], names: &BTreeSet<Vec<u8>>) -> Result<(), Error> {
        let old = self::names(&path::below(self.below, path))?;
        for name in old.difference(names) {
            let gone = path::join(path, name);
            if !self.skipped.contains(&gone) {
                self.entries.push(Entry::whiteout(gone));
            }
        }
        Ok(())
    }

    /// Whether a directory has the attributes that it had.
    fn is_same(&self, path: &[u8], new: &Metadata, old: Option<&Metadata>) -> Result<bool, Error> {
        let Some(old) = old else {
            return Ok(false);
        };
        let (upper, below) = (path::below(self.upper, path), path::below(self.below, path));
        Ok(
            Stamp::of(old).of_directory() == Stamp::of(new).of_directory()
                && xattrs::read(&upper)? == xattrs::read(&below)?,
        )
    }

    /// Adds what is at `path`; what is in no layer takes away what was there.
    fn add(&mut self, path: &[u8]) -> Result<(), Error> {
        match inode::look_at(self.upper, path)? {
            Some(entry) => self.entries.push(entry),
            None if self.look_below(path)?.is_some() => {
                self.entries.push(Entry::whiteout(path.to_vec()));
            }
            None => {}
        }
        Ok(())
    }

    fn look_below(&self, path: &[u8]) -> Result<Option<Metadata>, Error> {
        let disk = path::below(self.below, path);
        match fs::symlink_metadata(&disk) {
            Ok(metadata) => Ok(Some(metadata)),
            // A file may have been where there is a directory now.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(Error::io("look at", &disk)(error)),
        }
    }
}

/// Whether an overlay means by it that a lower file is gone.
/// See <https://docs.kernel.org/filesystems/overlayfs.html#whiteouts-and-opaque-directories>.
fn is_whiteout(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == 0
}

fn names(disk: &Path) -> Result<BTreeSet<Vec<u8>>, Error> {
    let entries = fs::read_dir(disk).map_err(Error::io("list", disk))?;
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().into_vec()));
    names
        .collect::<io::Result<_>>()
        .map_err(Error::io("list", disk))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::changes::EntryKind;

    #[test]
    fn a_socket_is_left_out_and_takes_away_what_was_there() {
        let root = tempfile::tempdir().unwrap();
        let (upper, below) = (root.path().join("upper"), root.path().join("below"));
        fs::create_dir_all(upper.join("a")).unwrap();
        fs::create_dir_all(below.join("a")).unwrap();
        fs::write(below.join("a/was"), "").unwrap();
        for name in ["was", "new"] {
            drop(UnixListener::bind(upper.join("a").join(name)).unwrap());
        }
        let changes = upper_difference(&upper, &below, &Skipped::always()).unwrap();
        let whiteouts = changes.entries().iter().map(|entry| {
            let path = String::from_utf8_lossy(&entry.path).into_owned();
            (path, entry.kind == EntryKind::Whiteout)
        });
        let expected = [("a".to_owned(), false), ("a/was".to_owned(), true)];
        assert_eq!(whiteouts.collect::<Vec<_>>(), expected);
    }
}
