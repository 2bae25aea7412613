//! Copies of inputs, as they are in the containers of an engine too: root's, read-only, of no particular time.
//!
//! Commands copy what they are given, so its attributes must not depend on the machine.

use std::fs::{self, File, FileTimes, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::Error;
use crate::request::InputEntry;

/// Makes `at`: the one entry without a path, or a directory with all entries.
pub(super) fn copy(entries: &[InputEntry], at: &Path) -> Result<(), Error> {
    let is_whole = |entry: &InputEntry| entry.path.is_empty();
    if !entries.iter().any(is_whole) {
        make_directory(at)?;
    }
    for entry in entries {
        if is_whole(entry) {
            copy_any(&entry.source, at)?;
            continue;
        }
        let path = at.join(&entry.path);
        let parents: Vec<&Path> = path.ancestors().skip(1).collect();
        for parent in parents.into_iter().rev() {
            if parent.starts_with(at) && !parent.is_dir() {
                make_directory(parent)?;
            }
        }
        copy_any(&entry.source, &path)?;
    }
    match at.is_dir() {
        true => age(at),
        false => Ok(()),
    }
}

/// Copies a file, or a directory with all that is in it. Links are followed, since Bazel makes them of what is no link.
fn copy_any(source: &Path, path: &Path) -> Result<(), Error> {
    let metadata = fs::metadata(source).map_err(Error::io("look at", source))?;
    if metadata.is_dir() {
        if !path.is_dir() {
            make_directory(path)?;
        }
        for entry in fs::read_dir(source).map_err(Error::io("list", source))? {
            let entry = entry.map_err(Error::io("list", source))?;
            copy_any(&entry.path(), &path.join(entry.file_name()))?;
        }
        return Ok(());
    }
    let mode = 0o444 | metadata.permissions().mode() & 0o111;
    copy_file(source, path, mode).map_err(Error::io("copy", source))
}

fn copy_file(source: &Path, path: &Path, mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut copy = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    io::copy(&mut File::open(source)?, &mut copy)?;
    copy.set_permissions(Permissions::from_mode(mode))?;
    copy.set_times(long_ago())
}

fn make_directory(path: &Path) -> Result<(), Error> {
    let made = fs::create_dir(path)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755)));
    made.map_err(Error::io("make", path))
}

/// Sets the times of directories, which change while something is put into them.
fn age(path: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
        let entry: PathBuf = entry.map_err(Error::io("list", path))?.path();
        if entry.is_dir() {
            age(&entry)?;
        }
    }
    let set = File::open(path).and_then(|directory| directory.set_times(long_ago()));
    set.map_err(Error::io("set the times of", path))
}

fn long_ago() -> FileTimes {
    FileTimes::new().set_modified(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn copies_have_the_same_attributes_whatever_the_machine() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::create_dir(folder.join("tree")).unwrap();
        fs::write(folder.join("tree/program"), "x").unwrap();
        let private = Permissions::from_mode(0o700);
        fs::set_permissions(folder.join("tree/program"), private).unwrap();
        std::os::unix::fs::symlink("program", folder.join("tree/link")).unwrap();
        let entry = |path: &str, source: &str| InputEntry {
            path: path.to_owned(),
            source: folder.join(source),
        };
        let entries = [entry("a/b/tree", "tree"), entry("a/c", "tree/program")];
        copy(&entries, &folder.join("copy")).unwrap();
        for (path, mode) in [
            ("", 0o755),
            ("a/b", 0o755),
            ("a/b/tree", 0o755),
            ("a/b/tree/link", 0o544),
            ("a/c", 0o544),
        ] {
            let found = fs::symlink_metadata(folder.join("copy").join(path)).unwrap();
            assert_eq!((found.mode() & 0o7777, found.mtime()), (mode, 0), "{path}");
        }
        copy(&[entry("", "tree")], &folder.join("whole")).unwrap();
        copy(&[entry("", "tree/program")], &folder.join("file")).unwrap();
        assert_eq!(fs::metadata(folder.join("whole")).unwrap().mtime(), 0);
        assert_eq!(fs::read_to_string(folder.join("file")).unwrap(), "x");
    }
}
