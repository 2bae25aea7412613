//! The inputs of commands in a container of an engine, which may be on another machine: they are uploaded.
//!
//! A directory is a volume of its own, mounted read-only; a container that is never started has it writable before that, since
//! an engine takes no files for a read-only one. A single file cannot be a volume: the agent moves it to its place, and it is
//! in no layer.

use std::fs;
use std::path::{Path, PathBuf};

use stevedore_agent::{PlacedInput, FOLDER};

use crate::error::Error;
use crate::spec::{InputEntry, InputSpec};
use crate::upload::Item;

/// Where files wait before they are moved, and volumes are filled; below the root.
pub(crate) fn place(number: usize) -> PathBuf {
    let folder = FOLDER.trim_start_matches('/');
    Path::new(folder).join("inputs").join(number.to_string())
}

/// The inputs, in the two ways in which they get into a container.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// Directories.
    pub(crate) mounted: Vec<MountedInput>,
    /// Files, which are uploaded as these items...
    pub(crate) items: Vec<Item>,
    /// ... and then moved.
    pub(crate) placed: Vec<PlacedInput>,
}

/// A directory that is mounted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MountedInput {
    /// Where, in the container.
    pub(crate) target: String,
    /// What is in it, with paths relative to it.
    pub(crate) items: Vec<Item>,
}

impl Inputs {
    /// Sorts `inputs` by what they are on this machine.
    pub(crate) fn new(inputs: &[InputSpec]) -> Result<Self, Error> {
        let mut sorted = Self::default();
        for input in inputs {
            match &input.entries[..] {
                [itself] if itself.path.is_empty() && !is_directory(&itself.source)? => {
                    sorted.place(&input.target, itself);
                }
                entries => sorted.mounted.push(MountedInput {
                    target: input.target.clone(),
                    items: entries
                        .iter()
                        .map(|entry| Item {
                            path: PathBuf::from(&entry.path),
                            source: entry.source.clone(),
                        })
                        .collect(),
                }),
            }
        }
        Ok(sorted)
    }

    fn place(&mut self, target: &str, file: &InputEntry) {
        let path = place(self.placed.len());
        self.placed.push(PlacedInput {
            from: format!("/{}", path.display()),
            to: target.to_owned(),
        });
        self.items.push(Item {
            path,
            source: file.source.clone(),
        });
    }
}

/// Whether `path` is a directory, or a link to one.
pub(crate) fn is_directory(path: &Path) -> Result<bool, Error> {
    let metadata = fs::metadata(path).map_err(|source| Error::Input {
        path: path.to_owned(),
        source,
    })?;
    Ok(metadata.is_dir())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn input(target: &str, path: &str, source: &Path) -> InputSpec {
        InputSpec {
            target: target.to_owned(),
            entries: vec![InputEntry {
                path: path.to_owned(),
                source: source.to_owned(),
            }],
        }
    }

    #[test]
    fn a_single_file_is_moved_and_everything_else_is_mounted() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let inputs = Inputs::new(&[
            input("/a", "", &file),
            input("/b", "", directory.path()),
            input("/c", "d/e", &file),
        ])
        .unwrap();
        assert_eq!(inputs.placed[0].from, "/.stevedore/inputs/0");
        assert_eq!(inputs.placed[0].to, "/a");
        assert_eq!(inputs.items[0].path, Path::new(".stevedore/inputs/0"));
        let targets: Vec<_> = inputs.mounted.iter().map(|input| &*input.target).collect();
        assert_eq!(targets, ["/b", "/c"]);
    }

    #[test]
    fn an_input_that_is_not_there_is_named() {
        let error = Inputs::new(&[input("/a", "", Path::new("/nowhere/x"))]).unwrap_err();
        assert!(error.to_string().contains("`/nowhere/x`"), "{error}");
    }
}
