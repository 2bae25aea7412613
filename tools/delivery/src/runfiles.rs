//! Runfiles: the files that an executable of Bazel's needs, wherever they lie.
//!
//! See <https://bazel.build/extending/rules#runfiles_location>. All paths that are asked for are canonical
//! already (`_main/app/x.tar`, `repo+/…`), so no repository mapping is needed.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the files of one executable may lie, in the order in which it is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runfiles {
    places: Vec<Place>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A tree in which every file lies at its runfiles path.
    Directory(PathBuf),
    /// A text file that maps runfiles paths to files.
    Manifest(PathBuf),
}

/// Why a file was not found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunfilesError {
    /// It is nowhere.
    #[error(
        "runfile `{path}` is missing; looked in {places}; run the target with `bazel run`, or have it in the `data` \
         of what runs it"
    )]
    Missing {
        /// The runfiles path.
        path: String,
        /// What was tried.
        places: String,
    },
}

impl Runfiles {
    /// The places that the environment and the executable's own path name.
    ///
    /// `executable` is the path under which it was called, not resolved: it may be a symlink to a binary that
    /// many executables share.
    pub fn of(executable: &Path) -> Self {
        Self::from_variables(executable, |name| env::var_os(name))
    }

    /// Every file at its path below `directory`.
    pub fn in_directory(directory: &Path) -> Self {
        Self {
            places: vec![Place::Directory(directory.to_owned())],
        }
    }

    fn from_variables(executable: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path_in = |name| {
            variable(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let beside = |suffix: &str| {
            let mut path = executable.as_os_str().to_owned();
            path.push(suffix);
            PathBuf::from(path)
        };
        let enclosing = executable
            .ancestors()
            .skip(1)
            .find(|path| path.extension().is_some_and(|end| end == "runfiles"));
        let places = [
            path_in("RUNFILES_DIR").map(Place::Directory),
            path_in("RUNFILES_MANIFEST_FILE").map(Place::Manifest),
            path_in("TEST_SRCDIR").map(Place::Directory),
            Some(Place::Directory(beside(".runfiles"))),
            Some(Place::Manifest(beside(".runfiles_manifest"))),
            enclosing.map(|path| Place::Directory(path.to_owned())),
        ];
        Self {
            places: places.into_iter().flatten().collect(),
        }
    }

    /// Finds the file whose runfiles path is `path`.
    ///
    /// # Errors
    /// If no place has it; the error lists them.
    pub fn find(&self, path: &str) -> Result<PathBuf, RunfilesError> {
        self.places
            .iter()
            .find_map(|place| place.find(path))
            .ok_or_else(|| RunfilesError::Missing {
                path: path.to_owned(),
                places: self.describe(),
            })
    }

    /// The variables by which another program finds the same files, if it cannot by its own path. The first place that is there
    /// counts, as for [`Runfiles::find`].
    pub fn variables(&self) -> Option<(&'static str, &Path)> {
        self.places.iter().find_map(|place| match place {
            Place::Directory(path) => path.is_dir().then_some(("RUNFILES_DIR", path.as_path())),
            Place::Manifest(path) => path
                .is_file()
                .then_some(("RUNFILES_MANIFEST_FILE", path.as_path())),
        })
    }

    fn describe(&self) -> String {
        let places: Vec<String> = self
            .places
            .iter()
            .map(|place| match place {
                Place::Directory(path) | Place::Manifest(path) => format!("`{}`", path.display()),
            })
            .collect();
        places.join(", ")
    }
}

impl Place {
    fn find(&self, path: &str) -> Option<PathBuf> {
        let found = match self {
            Self::Directory(directory) => directory.join(path),
            Self::Manifest(manifest) => {
                find_in_manifest(&fs::read_to_string(manifest).ok()?, path)?
            }
        };
        found.exists().then_some(found)
    }
}

/// Looks `path` up, or the directory that it is in: a tree artifact has one line.
fn find_in_manifest(manifest: &str, path: &str) -> Option<PathBuf> {
    let mut in_directory = None;
    for line in manifest.lines() {
        let (key, value) = parse_line(line)?;
        match path.strip_prefix(key.as_str()) {
            Some("") => return Some(PathBuf::from(value)),
            Some(rest) if rest.starts_with('/') => {
                in_directory = Some(PathBuf::from(value).join(&rest[1..]));
            }
            _ => {}
        }
    }
    in_directory
}

/// A line is `path target`. If one of them has a space or a line break, the line begins with a space, and they are
/// escaped: `\s`, `\n`, `\b` (Bazel's `SourceManifestAction`).
fn parse_line(line: &str) -> Option<(String, String)> {
    match line.strip_prefix(' ') {
        Some(escaped) => {
            let (key, value) = escaped.split_once(' ')?;
            let unescape = |text: &str| text.replace("\\n", "\n").replace("\\b", "\\");
            Some((unescape(&key.replace("\\s", " ")), unescape(value)))
        }
        None => {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            Some((key.to_owned(), value.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_comes_before_the_executables_own_tree() {
        let runfiles =
            Runfiles::from_variables(Path::new("/out/t.runfiles/_main/app/load"), |name| {
                (name == "RUNFILES_DIR").then(|| OsString::from("/r"))
            });
        assert_eq!(
            runfiles.places,
            [
                Place::Directory("/r".into()),
                Place::Directory("/out/t.runfiles/_main/app/load.runfiles".into()),
                Place::Manifest("/out/t.runfiles/_main/app/load.runfiles_manifest".into()),
                Place::Directory("/out/t.runfiles".into()),
            ]
        );
    }

    #[test]
    fn manifests_map_files_and_what_is_in_trees() {
        let manifest = "_main/a /x/a\n _main/b\\sc /x/b c\n_main/tree /x/tree\n_main/empty \n";
        for (path, expected) in [
            ("_main/a", Some("/x/a")),
            ("_main/b c", Some("/x/b c")),
            ("_main/tree/blobs/1", Some("/x/tree/blobs/1")),
            ("_main/treehouse", None),
            ("_main/empty", Some("")),
        ] {
            assert_eq!(
                find_in_manifest(manifest, path),
                expected.map(PathBuf::from),
                "{path}"
            );
        }
    }

    #[test]
    fn a_missing_file_is_named_with_where_it_was_looked_for() {
        let runfiles = Runfiles::in_directory(Path::new("/nowhere"));
        let message = runfiles.find("_main/x").map_err(|error| error.to_string());
        assert!(
            message
                .as_ref()
                .is_err_and(|m| m.contains("`_main/x`") && m.contains("`/nowhere`")),
            "{message:?}"
        );
    }
}
