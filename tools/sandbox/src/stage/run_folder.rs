//! Where one sandbox works.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::mount::{umount2, MntFlags};
use rustix::fs::{flock, FlockOperation};

use super::control_groups;
use super::error::Error;

/// What begins the name of a container, and of its control groups.
const PREFIX: &str = "stevedore-";
const LOCK: &str = "lock";

/// A folder that is locked while its sandbox lives, and removed with it; that of a stage which was killed is removed by the
/// next one.
pub(super) struct RunFolder {
    path: PathBuf,
    name: String,
    /// Open, and so locked.
    lock: Option<File>,
    /// What is mounted in it, the last at the end.
    mounts: RefCell<Vec<PathBuf>>,
}

impl RunFolder {
    /// Makes one in the folder for all sandboxes, and removes those of the dead.
    pub(super) fn make(cache: &Path) -> Result<Self, Error> {
        let all = cache.join("runs");
        fs::create_dir_all(&all).map_err(Error::io("make", &all))?;
        // Between a folder and its lock, it looks like one of the dead.
        let gate = lock(&all.join(LOCK), FlockOperation::LockShared)?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let name = format!("{PREFIX}{}-{}", std::process::id(), now.as_nanos());
        let path = all.join(&name);
        fs::create_dir(&path).map_err(Error::io("make", &path))?;
        let own = lock(&path.join(LOCK), FlockOperation::LockExclusive)?;
        drop(gate);
        let made = Self {
            path,
            name,
            lock: Some(own),
            mounts: RefCell::default(),
        };
        sweep(&all);
        Ok(made)
    }

    /// The container's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A path in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        match name {
            "" => self.path.clone(),
            _ => self.path.join(name),
        }
    }

    /// Makes a folder in it.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).map_err(Error::io("make", &path))?;
        Ok(path)
    }

    /// Notes that something is mounted in it.
    pub(super) fn note_mount(&self, path: &Path) {
        self.mounts.borrow_mut().push(path.to_owned());
    }

    /// Removes it.
    pub(super) fn remove(mut self) -> Result<(), Error> {
        self.try_remove()
    }

    fn try_remove(&mut self) -> Result<(), Error> {
        for path in self.mounts.take().iter().rev() {
            let unmounted = umount2(path, MntFlags::MNT_DETACH);
            unmounted.map_err(|errno| Error::io("unmount", path)(errno.into()))?;
        }
        self.lock = None;
        fs::remove_dir_all(&self.path).map_err(Error::io("remove", &self.path))
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if self.lock.is_some() {
            // What cannot be removed now can be when this process has ended, and its mounts with it.
            let _ = self.try_remove();
        }
    }
}

fn lock(path: &Path, operation: FlockOperation) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::io("make", path))?;
    flock(&file, operation).map_err(|errno| Error::io("lock", path)(errno.into()))?;
    Ok(file)
}

/// Removes the folders that nobody has locked. Nothing depends on it.
fn sweep(all: &Path) {
    for dead in dead(all) {
        let _ = fs::remove_dir_all(&dead.path);
    }
}

/// A folder whose stage was killed.
struct Dead {
    path: PathBuf,
    /// Locked, so that nobody else removes it meanwhile.
    _lock: Option<File>,
}

fn dead(all: &Path) -> Vec<Dead> {
    let gate = File::create(all.join(LOCK));
    let is_alone = |file: &File| flock(file, FlockOperation::NonBlockingLockExclusive).is_ok();
    let Some(_gate) = gate.ok().filter(is_alone) else {
        return Vec::new();
    };
    let entries = fs::read_dir(all).into_iter().flatten().flatten();
    let dead = entries.filter_map(|entry| {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_str().filter(|name| name.starts_with(PREFIX))?;
        let lock = match File::open(path.join(LOCK)) {
            Ok(file) => Some(is_alone(&file).then_some(file)?),
            // Whoever removes a folder may have been killed too.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) => return None,
        };
        control_groups::remove(name);
        Some(Dead { path, _lock: lock })
    });
    dead.collect()
}
