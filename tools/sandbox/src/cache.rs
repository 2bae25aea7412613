//! Where sandboxes keep what outlasts them.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::user::User;

/// The variable that names the folder; fetched blobs are there too.
const VARIABLE: &str = "STEVEDORE_CACHE";
const NAME: &str = "sandbox";

/// The folders that may take unpacked layers, the best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    folders: Vec<PathBuf>,
}

impl Cache {
    /// The folders of this machine. `variable` gives the value of an environment variable.
    ///
    /// `$STEVEDORE_CACHE/sandbox` is the first one if that is set, else `$XDG_CACHE_HOME/rules_stevedore/sandbox`, which is in
    /// `~/.cache` if that is not set; then one for temporary files.
    pub fn of_machine(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name| variable(name).filter(|value| !value.is_empty());
        let path = |name| path(name).map(PathBuf::from);
        let set = path(VARIABLE).map(|folder| folder.join(NAME));
        let home = || path("HOME").or_else(|| User::this().map(|user| user.home));
        let caches = path("XDG_CACHE_HOME").or_else(|| home().map(|home| home.join(".cache")));
        let own = caches.map(|caches| caches.join("rules_stevedore").join(NAME));
        let temporary = path("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"));
        let user = rustix::process::getuid().as_raw();
        let temporary = temporary.join(format!("stevedore-sandbox-{user}"));
        let folders = set.or(own).into_iter().chain([temporary]);
        Self {
            folders: folders.filter(|folder| folder.is_absolute()).collect(),
        }
    }

    /// The first folder in which files can be made, which is made if it is not there.
    ///
    /// # Errors
    /// [`Error::NoCache`] if there is none.
    pub fn writable(&self) -> Result<PathBuf, Error> {
        let mut failed = None;
        for folder in &self.folders {
            match probe(folder) {
                Ok(()) => return Ok(folder.clone()),
                Err(error) => failed = failed.or(Some(about(folder, &error))),
            }
        }
        Err(Error::NoCache {
            source: failed.unwrap_or_else(|| io::Error::other("no folder is known")),
        })
    }
}

fn probe(folder: &Path) -> io::Result<()> {
    // Images have programs that give whoever can reach them the rights of their owner.
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder)?;
    // What somebody else has put there would run as if it were of the image.
    let metadata = fs::metadata(folder)?;
    if metadata.uid() != rustix::process::geteuid().as_raw() || metadata.mode() & 0o022 != 0 {
        return Err(io::Error::other("others than this user can write to it"));
    }
    let probe = folder.join(format!(".{}.probe", std::process::id()));
    File::create(&probe)?;
    fs::remove_file(&probe)
}

fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_first_folder_that_can_be_written_to_is_taken() {
        let temporary = tempfile::tempdir().unwrap();
        let occupied = temporary.path().join("occupied");
        fs::write(&occupied, "").unwrap();
        let cache = Cache::of_machine(|name| match name {
            VARIABLE => Some(occupied.clone().into()),
            "TMPDIR" => Some(temporary.path().into()),
            _ => None,
        });
        let found = cache.writable().unwrap();
        assert_eq!(found.parent(), Some(temporary.path()));
        fs::set_permissions(&found, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(cache.writable().is_err());
        let nowhere = Cache {
            folders: vec![occupied.join(NAME)],
        };
        assert!(nowhere
            .writable()
            .unwrap_err()
            .to_string()
            .contains(VARIABLE));
    }
}
