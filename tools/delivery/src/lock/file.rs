//! One lock's file.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{flock, futimens, FlockOperation, Timespec, Timestamps, UTIME_NOW};
use rustix::io::Errno;

use super::key;

/// Every user of the machine may take and release the lock.
const EVERYONE: u32 = 0o666;

/// When a file that nobody has locked was left behind by a killed process. Holders show that they live, and a process that
/// has opened a file locks it at once.
const OLD: Duration = Duration::from_secs(3600);

/// What came of an attempt to take a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// This process holds it, until the file is dropped.
    Locked,
    /// Another one does.
    Busy,
    /// The file is not at its path any more: who held the lock has released it.
    Replaced,
}

/// A file whose lock this process has or wants. Who has it removes it, and then releases it by closing it.
#[derive(Debug)]
pub(super) struct LockFile {
    file: File,
    path: PathBuf,
    is_locked: std::cell::Cell<bool>,
}

impl LockFile {
    /// Opens the file at `path`, and creates it if there is none.
    ///
    /// It is not opened with `O_CREAT` if it is there: with `fs.protected_regular` the kernel refuses that for other
    /// users' files in a directory like `/tmp` (<https://docs.kernel.org/admin-guide/sysctl/fs.html#protected-regular>).
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        loop {
            match options().open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                opened => return Self::checked(opened?, path),
            }
            match options().create_new(true).mode(EVERYONE).open(path) {
                // Somebody was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(file) => {
                    // Whatever the umask has taken away.
                    file.set_permissions(Permissions::from_mode(EVERYONE))?;
                    return Self::checked(file, path);
                }
            }
        }
    }

    /// Something else than a file of its own must not be written to: anyone may put things where everyone may.
    fn checked(file: File, path: &Path) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.nlink() > 1 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "is no file, or has several names",
            ));
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            is_locked: false.into(),
        })
    }

    /// Takes the lock if nobody has it.
    pub(super) fn try_lock(&self) -> io::Result<Tried> {
        match flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if !self.is_at_its_path()? => return Ok(Tried::Replaced),
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) if !self.is_at_its_path()? => return Ok(Tried::Replaced),
            Err(Errno::WOULDBLOCK) => return Ok(Tried::Busy),
            Err(error) => return Err(error.into()),
        }
        self.is_locked.set(true);
        self.file.set_len(0)?;
        self.file
            .write_all_at(format!("{}\n", std::process::id()).as_bytes(), 0)?;
        Ok(Tried::Locked)
    }

    /// Removes the files of killed processes from this one's directory: those of locks that nobody has held for an hour.
    pub(super) fn sweep(&self) {
        let entries = self.path.parent().map(fs::read_dir);
        // What cannot be removed is small, and the next one may.
        for entry in entries.into_iter().flatten().flatten().flatten() {
            let name = entry.file_name();
            let is_lock = name.to_str().is_some_and(key::is_file_name);
            if is_lock && is_old(&entry) {
                let lock = Self::open(&entry.path()).map(|file| (file.try_lock(), file));
                drop(lock);
            }
        }
    }

    /// Whether the path still leads to this file, and not to nothing or to its successor.
    fn is_at_its_path(&self) -> io::Result<bool> {
        let mine = self.file.metadata()?;
        match fs::symlink_metadata(&self.path) {
            Ok(there) => Ok((there.dev(), there.ino()) == (mine.dev(), mine.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The number of the process that has the lock; in a sandbox it may be one of another name space.
    pub(super) fn holder(&self) -> Option<u32> {
        let mut text = [0; 16];
        let count = self.file.read_at(&mut text, 0).ok()?;
        let text = std::str::from_utf8(&text[..count]).ok()?;
        text.trim().parse().ok()
    }

    /// Tells whoever waits that this process is at work.
    pub(super) fn show_life(&self) {
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW as _,
        };
        let now = Timestamps {
            last_access: now,
            last_modification: now,
        };
        // Without it, the others go on by themselves after a while.
        let _ = futimens(&self.file, &now);
    }

    /// When its holder has last shown life.
    pub(super) fn last_sign_of_life(&self) -> Option<SystemTime> {
        self.file.metadata().and_then(|file| file.modified()).ok()
    }

    /// The file's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for LockFile {
    /// Removes the file while the lock is still held, so that nobody else's is removed; closing it releases the lock.
    fn drop(&mut self) {
        if self.is_locked.get() && self.is_at_its_path().unwrap_or(false) {
            // Another user's file cannot be removed from a directory like `/tmp`; it can be locked again.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn is_old(entry: &fs::DirEntry) -> bool {
    let modified = entry.metadata().and_then(|file| file.modified());
    let age = modified.ok().and_then(|time| time.elapsed().ok());
    age.is_some_and(|age| age >= OLD)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .custom_flags((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits() as i32);
    options
}
