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
                old => self.add(path, old),
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
            false => self.add(path, old),
        }
    }

    /// Adds what is at `path`; what is in no layer takes away what was there.
    fn add(&mut self, path: &[u8], old: Option<&Node>) -> Result<(), Error> {
        let entry = inode::look_at(self.root, path)?;
        let whiteout = || old.map(|_| Entry::whiteout(path.to_vec()));
        self.entries.extend(entry.or_else(whiteout));
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{symlink, PermissionsExt};

    use super::*;
    use crate::changes::EntryKind;
    use crate::skipped::Skipped;

    /// What changes in a tree of `files` (a directory ends in a slash) when `change` is done to it.
    fn changed(files: &[&str], change: impl FnOnce(&Path)) -> Result<Vec<String>, Error> {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match file.ends_with('/') {
                true => fs::create_dir_all(path).unwrap(),
                false => fs::write(path, "old").unwrap(),
            }
        }
        let mut skipped = Skipped::always();
        skipped.add(b"/skipped/");
        let before = Snapshot::take(root.path(), &skipped)?;
        // A file system's clock may tick once in 4 ms only.
        std::thread::sleep(std::time::Duration::from_millis(10));
        change(root.path());
        let after = Snapshot::take(root.path(), &skipped)?;
        let changes = difference(root.path(), &before, &after)?;
        let described = changes.entries().iter().map(|entry| {
            let path = String::from_utf8_lossy(&entry.path);
            match entry.kind {
                EntryKind::Whiteout => format!("-{path}"),
                EntryKind::Directory => format!("{path}/"),
                _ => path.into_owned(),
            }
        });
        Ok(described.collect())
    }

    #[test]
    fn nothing_changed_where_times_of_directories_alone_did() {
        let nothing = changed(&["a/b/c", "d/"], |root| {
            fs::write(root.join("a/b/new"), "").unwrap();
            fs::remove_file(root.join("a/b/new")).unwrap();
        });
        assert_eq!(nothing.unwrap(), [""; 0]);
    }

    #[test]
    fn a_file_that_is_written_again_with_the_same_content_changed() {
        let written = changed(&["a/b"], |root| fs::write(root.join("a/b"), "old").unwrap());
        assert_eq!(written.unwrap(), ["a/", "a/b"]);
    }

    #[test]
    fn of_a_tree_that_is_gone_its_top_is_told() {
        let gone = changed(&["a/b/c", "a/b/d/e", "a/z"], |root| {
            fs::remove_dir_all(root.join("a/b")).unwrap();
        });
        assert_eq!(gone.unwrap(), ["a/", "-a/b"]);
    }

    #[test]
    fn a_file_in_the_place_of_a_directory_is_an_entry_alone() {
        let replaced = changed(&["a/b/c"], |root| {
            fs::remove_dir_all(root.join("a/b")).unwrap();
            symlink("/nowhere", root.join("a/b")).unwrap();
        });
        assert_eq!(replaced.unwrap(), ["a/", "a/b"]);
    }

    #[test]
    fn a_directory_with_another_mode_changed_and_what_is_in_it_did_not() {
        let changed = changed(&["a/b/c"], |root| {
            fs::set_permissions(root.join("a/b"), fs::Permissions::from_mode(0o700)).unwrap();
        });
        assert_eq!(changed.unwrap(), ["a/", "a/b/"]);
    }

    #[test]
    fn what_is_skipped_and_what_engines_put_there_never_changed() {
        let skipped = changed(&["skipped/a", "etc/hosts", "gone"], |root| {
            fs::write(root.join("skipped/b"), "").unwrap();
            fs::write(root.join("etc/hosts"), "new").unwrap();
            fs::write(root.join("etc/resolv.conf"), "new").unwrap();
            fs::create_dir_all(root.join("proc/1")).unwrap();
            fs::remove_file(root.join("gone")).unwrap();
        });
        assert_eq!(skipped.unwrap(), ["-gone"]);
    }

    #[test]
    fn a_name_that_says_that_a_file_is_gone_is_refused() {
        let refused = changed(&["a/"], |root| fs::write(root.join("a/.wh.b"), "").unwrap());
        assert!(matches!(refused, Err(Error::ReservedName { path }) if path.ends_with("a/.wh.b")));
    }

    #[test]
    fn a_socket_is_left_out() {
        let socket = changed(&["a/"], |root| {
            drop(std::os::unix::net::UnixListener::bind(root.join("a/socket")).unwrap());
        });
        assert_eq!(socket.unwrap(), [""; 0]);
        let in_place_of_a_file = changed(&["a/socket"], |root| {
            fs::remove_file(root.join("a/socket")).unwrap();
            drop(std::os::unix::net::UnixListener::bind(root.join("a/socket")).unwrap());
        });
        assert_eq!(in_place_of_a_file.unwrap(), ["a/", "-a/socket"]);
    }
}
