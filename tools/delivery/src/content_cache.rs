//! Blobs that were fetched, kept on this machine, so that none is fetched twice.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{flock, FlockOperation};
use stevedore_image::digest::{Content, Digest, Hasher};
use stevedore_registry::BlobSink;

/// The variable that names the folder.
const VARIABLE: &str = "STEVEDORE_CACHE";

/// What nobody has used for so long is removed.
const OLD: Duration = Duration::from_secs(30 * 24 * 3600);

/// Folders with blobs, each a file named `sha256/<hex>`, whose content was compared with that digest when it was put there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentCache {
    folders: Vec<PathBuf>,
}

/// A blob of which some bytes are there.
pub(crate) struct PartialBlob {
    path: PathBuf,
    file: File,
    hasher: Hasher,
}

impl ContentCache {
    /// The folders of this machine. `variable` gives the value of an environment variable.
    ///
    /// `STEVEDORE_CACHE` is the first one if it is set, else `$XDG_CACHE_HOME/rules_stevedore/content`, which is in
    /// `~/.cache` if that is not set. Where it cannot be written to, as in Bazel's sandbox, what is fetched goes into a
    /// folder for temporary files.
    pub fn of_machine(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name| variable(name).filter(|value| !value.is_empty());
        let path = |name| path(name).map(PathBuf::from);
        let home = path("HOME").or_else(home_of_user);
        let caches = path("XDG_CACHE_HOME").or_else(|| home.map(|home| home.join(".cache")));
        let own = caches.map(|caches| caches.join("rules_stevedore/content"));
        let temporary = ["TEST_TMPDIR", "TMPDIR"].into_iter().find_map(path);
        let temporary = temporary.unwrap_or_else(|| PathBuf::from("/tmp"));
        let user = rustix::process::getuid().as_raw();
        let temporary = temporary.join(format!("stevedore-content-{user}"));
        let folders = path(VARIABLE).or(own).into_iter().chain([temporary]);
        Self {
            folders: folders.filter(|folder| folder.is_absolute()).collect(),
        }
    }

    /// The file of a blob, if it is there. That it is used is noted.
    pub(crate) fn find(&self, blob: Content) -> Option<PathBuf> {
        let files = self.folders.iter().map(|folder| file(folder, blob.digest));
        let mut whole = files.filter(|path| {
            let size = fs::metadata(path).map(|file| file.len());
            size.is_ok_and(|size| size == blob.size)
        });
        let found = whole.next()?;
        // One that cannot be noted as used is fetched again in a month.
        let _ = File::open(&found).and_then(|file| file.set_modified(SystemTime::now()));
        Some(found)
    }

    /// Removes a blob whose content has turned out to be wrong.
    pub(crate) fn forget(&self, digest: Digest) {
        for folder in &self.folders {
            // It may be somebody else's; then it is not used by this user again, since its message names it.
            let _ = fs::remove_file(file(folder, digest));
        }
    }

    /// Begins to keep a blob, or goes on with what an earlier attempt has left.
    ///
    /// # Errors
    /// If no folder can be written to.
    pub(crate) fn begin(&self, digest: Digest) -> io::Result<PartialBlob> {
        let folder = self.writable()?;
        let path = folder.join(format!("{}.partial", digest.hex()));
        let mut file = open(&path)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let mut hasher = Hasher::new();
            io::copy(&mut file, &mut hasher)?;
            return Ok(PartialBlob::new(path, file, hasher));
        }
        // Whoever writes it was not waited for.
        let path = folder.join(format!("{}.{}.partial", digest.hex(), std::process::id()));
        let file = open(&path)?;
        file.set_len(0)?;
        Ok(PartialBlob::new(path, file, Hasher::new()))
    }

    /// The first folder in which files can be made.
    fn writable(&self) -> io::Result<PathBuf> {
        let mut failed = None;
        for folder in &self.folders {
            let folder = folder.join("sha256");
            let probe = folder.join(format!(".{}.probe", std::process::id()));
            match fs::create_dir_all(&folder).and_then(|()| File::create(&probe)) {
                Ok(_) => {
                    let _ = fs::remove_file(&probe);
                    return Ok(folder);
                }
                Err(error) => failed = failed.or(Some(about(&folder, &error))),
            }
        }
        Err(failed.unwrap_or_else(|| io::Error::other("no folder for fetched blobs is known")))
    }
}

impl PartialBlob {
    fn new(path: PathBuf, file: File, hasher: Hasher) -> Self {
        Self { path, file, hasher }
    }

    /// Whether there are bytes of it already.
    pub(crate) fn is_begun(&self) -> bool {
        self.hasher.size() > 0
    }

    /// Puts the blob to the others if its digest is `expected`; else gives the digest that it has, and nothing is left of it.
    pub(crate) fn finish(self, expected: Digest) -> io::Result<Result<PathBuf, Digest>> {
        let found = self.hasher.finish().digest;
        if found != expected {
            fs::remove_file(&self.path)?;
            return Ok(Err(found));
        }
        let mut permissions = self.file.metadata()?.permissions();
        permissions.set_readonly(true);
        self.file.set_permissions(permissions)?;
        let place = self.path.with_file_name(expected.hex());
        fs::rename(&self.path, &place).map_err(|error| about(&place, &error))?;
        sweep(place.parent());
        Ok(Ok(place))
    }
}

/// Removes from a folder what was not used for long.
fn sweep(folder: Option<&Path>) {
    let entries = folder.map(fs::read_dir);
    for entry in entries.into_iter().flatten().flatten().flatten() {
        let modified = entry.metadata().and_then(|file| file.modified()).ok();
        let age = modified.and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| age > OLD) {
            // Somebody else may do the same.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.read(true).append(true).create(true).open(path);
    file.map_err(|error| about(path, &error))
}

impl BlobSink for PartialBlob {
    fn offset(&self) -> u64 {
        self.hasher.size()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file
            .write_all(bytes)
            .map_err(|error| about(&self.path, &error))?;
        self.hasher.update(bytes);
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.hasher = Hasher::new();
        Ok(())
    }
}

fn file(folder: &Path, digest: Digest) -> PathBuf {
    folder.join("sha256").join(digest.hex())
}

fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}

/// The home directory that the user database has, for processes that were not told: Bazel's tests and actions.
fn home_of_user() -> Option<PathBuf> {
    let user = rustix::process::getuid().as_raw().to_string();
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let mut fields = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let found = fields.find(|fields| fields.get(2) == Some(&user.as_str()))?;
    found.get(5).map(PathBuf::from)
}

#[cfg(test)]
mod tests;
