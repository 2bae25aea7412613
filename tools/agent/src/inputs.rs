//! Inputs that were uploaded, and are moved to their places.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use stevedore_agent::{PlacedInput, FOLDER};
use stevedore_rootfs::{Changes, EntryKind, Skipped};

use crate::error::Error;
use crate::place;
use crate::session::ROOT;

/// What is in its place now.
#[derive(Default)]
pub(crate) struct Inputs {
    /// Without symlinks on the way to them.
    places: Vec<PathBuf>,
    /// Directories that were made for them, in the same form.
    made: Vec<PathBuf>,
}

impl Inputs {
    /// Moves all of them.
    ///
    /// # Errors
    /// [`Error::Collision`] if the image has a file where one belongs.
    pub(crate) fn place(inputs: &[PlacedInput]) -> Result<Self, Error> {
        let mut placed = Self::default();
        for input in inputs {
            placed.place_one(input)?;
        }
        Ok(placed)
    }

    fn place_one(&mut self, input: &PlacedInput) -> Result<(), Error> {
        let to = Path::new(&input.to);
        let (Some(parent), Some(name), false) =
            (to.parent(), to.file_name(), to.starts_with(FOLDER))
        else {
            return Err(Error::NoPlace {
                path: input.to.clone(),
            });
        };
        let parent = self.directory(parent)?;
        let to = parent.join(name);
        if fs::symlink_metadata(&to).is_ok() {
            return Err(Error::Collision { path: to });
        }
        fs::rename(&input.from, &to).map_err(Error::io("move an input to", &to))?;
        self.places.push(to);
        Ok(())
    }

    /// The directory at `path` without symlinks on the way to it; it is made if it is missing.
    fn directory(&mut self, path: &Path) -> Result<PathBuf, Error> {
        let missing: Vec<_> = path
            .ancestors()
            .take_while(|path| fs::metadata(path).is_err())
            .collect();
        for path in missing.iter().rev() {
            place::make_directory(path)?;
            self.made.push(real(path)?);
        }
        real(path)
    }

    /// Adds their places to what is in no layer.
    pub(crate) fn skip(&self, skipped: &mut Skipped) {
        for place in &self.places {
            skipped.add(place.as_os_str().as_bytes());
        }
    }

    /// Takes out the marks that directories are gone which were not in the image.
    pub(crate) fn forget(&self, changes: Changes) -> Changes {
        if self.made.is_empty() {
            return changes;
        }
        let is_ours = |path: &[u8]| {
            let mut made = self.made.iter();
            made.any(|made| {
                made.strip_prefix(ROOT)
                    .is_ok_and(|made| made.as_os_str().as_bytes() == path)
            })
        };
        let entries = changes.entries().iter();
        let kept =
            entries.filter(|entry| entry.kind != EntryKind::Whiteout || !is_ours(&entry.path));
        Changes::new(kept.cloned().collect())
    }
}

fn real(path: &Path) -> Result<PathBuf, Error> {
    fs::canonicalize(path).map_err(Error::io("find", path))
}
