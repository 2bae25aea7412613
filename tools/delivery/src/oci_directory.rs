//! Directories with an image in the OCI layout, for an engine that reads them by itself.
//!
//! Such a directory has symlinks where the layers are: it costs nothing, whatever the image's size.

use std::env;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{symlink, DirBuilderExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{flock, FlockOperation};
use stevedore_image::digest::Digest;
use stevedore_image::layout::blob_name;

/// How the directories are called. The upper-case letter makes a podman refuse them that would name the image after the
/// directory (4.3: a repository's name has none).
const PREFIX: &str = "stevedore-Load-";

/// What one is called until it is locked, so that nobody takes it for one that was left behind.
const UNFINISHED: &str = ".stevedore-new-";

/// A directory that is removed with this value, and, if this process is killed, by the next one that makes such a
/// directory in the same place.
#[derive(Debug)]
pub(crate) struct OciDirectory {
    path: PathBuf,
    /// Locked as long as this process lives.
    _lock: File,
}

impl OciDirectory {
    /// Makes one where an engine outside a sandbox sees it too, if that can be.
    ///
    /// # Errors
    /// If there is no place for it.
    pub(crate) fn create() -> io::Result<Self> {
        let mut result = Err(io::ErrorKind::NotFound.into());
        for place in places(|name| env::var_os(name).map(PathBuf::from)) {
            result = Self::create_in(&place);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn create_in(place: &Path) -> io::Result<Self> {
        // What cannot be listed or removed is somebody else's.
        let _ = sweep(place);
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let nanos = since.map_or(0, |since| since.as_nanos());
        let suffix = format!("{}-{nanos:x}", std::process::id());
        let unfinished = place.join(format!("{UNFINISHED}{suffix}"));
        let path = place.join(format!("{PREFIX}{suffix}"));
        DirBuilder::new().mode(0o700).create(&unfinished)?;
        let finish = || {
            let lock = File::open(&unfinished)?;
            flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
            DirBuilder::new()
                .recursive(true)
                .create(unfinished.join("blobs/sha256"))?;
            fs::rename(&unfinished, &path)?;
            Ok(lock)
        };
        match finish() {
            Ok(lock) => Ok(Self { path, _lock: lock }),
            Err(error) => {
                let _ = fs::remove_dir_all(&unfinished);
                Err(error)
            }
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a small file.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        fs::write(self.path.join(name), bytes)
    }

    /// Lets the blob with this digest be `file`, wherever that is a symlink to.
    pub(crate) fn link(&self, digest: Digest, file: &Path) -> io::Result<()> {
        let link = self.path.join(blob_name(digest));
        match symlink(fs::canonicalize(file)?, link) {
            // A layer may occur twice.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        }
    }
}

impl Drop for OciDirectory {
    fn drop(&mut self) {
        // Nobody is told: what stays is found by the next process.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The places for such directories, the best one first: those that a sandbox leaves at their paths, before `/tmp`,
/// which may be a private one.
fn places(variable: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let named = ["TEST_TMPDIR", "XDG_RUNTIME_DIR"].into_iter();
    let named = named.filter_map(variable);
    let places = named.chain([PathBuf::from("/dev/shm"), env::temp_dir()]);
    places.filter(|place| place.is_absolute()).collect()
}

/// Removes the directories in `place` that killed processes have left.
fn sweep(place: &Path) -> io::Result<()> {
    for entry in fs::read_dir(place)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let Ok(directory) = File::open(entry.path()) else {
            continue;
        };
        if flock(&directory, FlockOperation::NonBlockingLockExclusive).is_ok() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn it_has_what_it_was_given_and_goes() {
        let place = tempfile::tempdir().unwrap();
        let directory = OciDirectory::create_in(place.path()).unwrap();
        let layer = place.path().join("layer");
        fs::write(&layer, "layer").unwrap();
        let digest = Digest::of(b"layer");
        for _ in 0..2 {
            directory.link(digest, &layer).unwrap();
        }
        directory.write("index.json", b"{}").unwrap();
        let blob = directory.path().join(blob_name(digest));
        assert_eq!(fs::read(blob).unwrap(), b"layer");
        drop(directory);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn one_that_was_left_behind_is_removed_and_one_in_use_is_not() {
        let place = tempfile::tempdir().unwrap();
        let left = place.path().join(format!("{PREFIX}1-1"));
        fs::create_dir_all(left.join("blobs")).unwrap();
        let one = OciDirectory::create_in(place.path()).unwrap();
        let _two = OciDirectory::create_in(place.path()).unwrap();
        assert!(!left.exists());
        assert!(one.path().join("blobs/sha256").exists());
    }

    #[test]
    fn places_that_a_sandbox_shares_come_first() {
        let places = places(|name| match name {
            "TEST_TMPDIR" => Some("/sandbox/_tmp".into()),
            _ => Some("relative".into()),
        });
        assert_eq!(
            places[..2],
            [Path::new("/sandbox/_tmp"), Path::new("/dev/shm")]
        );
    }
}
