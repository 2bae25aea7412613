//! Where the repository and the cache folder are.

use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Context, Result};

/// The variable that names the repository's root.
const ROOT: &str = "STEVEDORE_WORKSPACE";

/// The variable that names the one folder outside the repository that the development commands write to.
const CACHE: &str = "STEVEDORE_DEV_CACHE";

/// The repository and its cache folder, as the entry scripts in `dev/` set them.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    cache: PathBuf,
}

impl Workspace {
    /// Reads both folders from the environment.
    pub(crate) fn from_env() -> Result<Self> {
        Ok(Self {
            root: folder(ROOT)?,
            cache: folder(CACHE)?,
        })
    }

    /// The repository's root.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A short word that no other checkout on this machine has.
    pub(crate) fn checkout(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.root.hash(&mut hasher);
        format!("{:08x}", hasher.finish() as u32)
    }

    /// A path in the cache folder; it need not exist.
    pub(crate) fn cache(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.cache.join(relative)
    }

    /// A folder in the cache folder, made if it is not there.
    pub(crate) fn cache_folder(&self, relative: impl AsRef<Path>) -> Result<PathBuf> {
        let folder = self.cache(relative);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("failed to create `{}`", folder.display()))?;
        Ok(folder)
    }

    /// `dev/bazel`, to be run in the Bazel workspace `folder`.
    pub(crate) fn bazel<I>(&self, folder: &Path, arguments: I) -> Command
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut command = Command::new(self.root.join("dev/bazel"));
        command.args(arguments).current_dir(folder);
        command
    }
}

fn folder(variable: &str) -> Result<PathBuf> {
    let Some(value) = std::env::var_os(variable) else {
        bail!("`{variable}` is not set: run `dev/engine`, `dev/bench` or `dev/demo`, which set it, not `stevedore-dev` itself");
    };
    let path = PathBuf::from(value);
    if !path.is_absolute() {
        bail!(
            "`{variable}` is `{}`, expected an absolute path",
            path.display()
        );
    }
    Ok(path)
}
