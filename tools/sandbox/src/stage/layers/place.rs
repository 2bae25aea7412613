//! Where an unpacked layer is, and its lock.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{flock, FlockOperation};
use rustix::io::Errno;
use stevedore_image::digest::Digest;

use crate::stage::error::Error;

const LOCK: &str = "lock";
const PARTIAL: &str = "partial";

/// A layer's place: a folder named after its digest, which is there if it is complete, and beside it one that is not complete, and
/// a lock. Who uses the layer shares the lock; who unpacks or removes it has it alone.
pub(super) struct Place {
    folder: PathBuf,
    name: String,
}

impl Place {
    pub(super) fn of(folder: &Path, diff_id: Digest) -> Self {
        Self {
            folder: folder.to_owned(),
            name: diff_id.hex(),
        }
    }

    /// The place that a file is of, whichever of the three it is.
    pub(super) fn of_file(folder: &Path, file: &str) -> Option<Self> {
        let name = file.split('.').next()?;
        Digest::from_hex(name)
            .ok()
            .map(|digest| Self::of(folder, digest))
    }

    pub(super) fn whole(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    pub(super) fn files(&self) -> PathBuf {
        files_in(&self.whole())
    }

    pub(super) fn notes(&self) -> PathBuf {
        notes_in(&self.whole())
    }

    pub(super) fn partial(&self) -> PathBuf {
        self.folder.join(format!("{}.{PARTIAL}", self.name))
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.folder.join(format!("{}.{LOCK}", self.name))
    }

    /// The lock, shared; nothing if somebody has it alone.
    pub(super) fn try_share(&self) -> Result<Option<File>, Error> {
        self.try_lock(FlockOperation::NonBlockingLockShared)
    }

    /// The lock, alone; nothing if anybody has it.
    pub(super) fn try_own(&self) -> Result<Option<File>, Error> {
        self.try_lock(FlockOperation::NonBlockingLockExclusive)
    }

    fn try_lock(&self, operation: FlockOperation) -> Result<Option<File>, Error> {
        let path = self.lock();
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(&path);
        let file = file.map_err(Error::io("open", &path))?;
        match flock(&file, operation) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(errno) => return Err(Error::io("lock", &path)(errno.into())),
        }
        // It may have been removed with its layer, and made anew, since it was opened.
        let is_there = || -> io::Result<bool> {
            let (mine, there) = (file.metadata()?, fs::symlink_metadata(&path)?);
            Ok(mine.ino() == there.ino())
        };
        Ok(is_there().unwrap_or(false).then_some(file))
    }

    /// Removes what an unpacking has left that was broken off. The lock must be held.
    pub(super) fn clear(&self) -> Result<(), Error> {
        let partial = self.partial();
        match fs::remove_dir_all(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("remove", &partial)(error))
            }
            _ => Ok(()),
        }
    }

    /// Removes the layer, and at last the lock, which must be held.
    pub(super) fn remove(&self) -> Result<(), Error> {
        self.clear()?;
        // So that it is not taken for a whole one while it is removed.
        match fs::rename(self.whole(), self.partial()) {
            Ok(()) => self.clear()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("rename", &self.whole())(error)),
        }
        fs::remove_file(self.lock()).map_err(Error::io("remove", &self.lock()))
    }
}

/// The layer's files.
pub(super) fn files_in(whole: &Path) -> PathBuf {
    whole.join("files")
}

/// What the files do not tell.
pub(super) fn notes_in(whole: &Path) -> PathBuf {
    whole.join("notes")
}
