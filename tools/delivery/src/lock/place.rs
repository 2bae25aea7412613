//! Where the files of locks lie.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The variable that names the directory of the locks.
const VARIABLE: &str = "STEVEDORE_LOCK_DIR";

/// The directories in which a lock is tried, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockPlaces {
    directories: Vec<PathBuf>,
}

impl LockPlaces {
    /// The places of this machine. `variable` gives the value of an environment variable.
    ///
    /// `STEVEDORE_LOCK_DIR` is the only one if it is set. Otherwise, on Linux `/dev/shm` is the first: unlike `/tmp` it
    /// is the machine's own inside Bazel's sandbox too, and every user may write to it. On macOS `/tmp` is that.
    pub fn of_machine(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        if let Some(directory) = set(VARIABLE) {
            return Self::only(Path::new(&directory));
        }
        let shared = if cfg!(target_os = "macos") {
            "/tmp"
        } else {
            "/dev/shm"
        };
        let own = [set("XDG_RUNTIME_DIR"), set("TMPDIR"), Some("/tmp".into())];
        let mut directories = vec![PathBuf::from(shared)];
        for directory in own.into_iter().flatten().map(PathBuf::from) {
            if directory.is_absolute() && !directories.contains(&directory) {
                directories.push(directory);
            }
        }
        Self::ordered(directories)
    }

    /// This directory alone.
    pub fn only(directory: &Path) -> Self {
        Self::ordered(vec![directory.to_owned()])
    }

    pub(super) fn ordered(directories: Vec<PathBuf>) -> Self {
        Self { directories }
    }

    pub(super) fn directories(&self) -> &[PathBuf] {
        &self.directories
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(variables: &[(&str, &str)]) -> Vec<String> {
        let places = LockPlaces::of_machine(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        });
        let directories = places.directories().iter();
        directories
            .map(|place| place.display().to_string())
            .collect()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_memory_file_system_comes_first_and_the_variable_alone() {
        for (variables, expected) in [
            (&[][..], &["/dev/shm", "/tmp"][..]),
            (
                &[
                    ("XDG_RUNTIME_DIR", "/run/user/1"),
                    ("TMPDIR", "/var/tmp"),
                    (VARIABLE, ""),
                ],
                &["/dev/shm", "/run/user/1", "/var/tmp", "/tmp"],
            ),
            (&[("TMPDIR", "/tmp")], &["/dev/shm", "/tmp"]),
            (&[("TMPDIR", "relative")], &["/dev/shm", "/tmp"]),
            (&[(VARIABLE, "/locks"), ("TMPDIR", "/x")], &["/locks"]),
        ] {
            assert_eq!(places(variables), expected, "{variables:?}");
        }
    }
}
