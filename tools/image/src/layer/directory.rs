//! The files in a directory on disk.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Lists the files below a directory with their paths relative to it, in no order that matters.
///
/// Symlinks are followed: Bazel's sandbox makes every file a symlink, its caches turn symlinks in a directory output
/// into files, and neither may change a layer. For the same reason a directory without a file below it is not listed,
/// Bazel does not know of it.
pub(super) fn walk(
    root: &Path,
    label: &str,
    take: &mut impl FnMut(&str, PathBuf) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut walk = Walk {
        label,
        ancestors: Vec::new(),
        take,
    };
    walk.directory(root, "")
}

struct Walk<'a, F> {
    label: &'a str,
    /// The directories that are being listed, by their real paths.
    ancestors: Vec<PathBuf>,
    take: &'a mut F,
}

impl<F: FnMut(&str, PathBuf) -> Result<(), Error>> Walk<'_, F> {
    fn directory(&mut self, disk: &Path, relative: &str) -> Result<(), Error> {
        let real = fs::canonicalize(disk).map_err(|source| Error::io("resolve", disk, source))?;
        if self.ancestors.contains(&real) {
            return Err(Error::CyclicDirectory {
                path: disk.to_owned(),
                label: self.label.to_owned(),
            });
        }
        self.ancestors.push(real);
        let failed = |source| Error::io("list", disk, source);
        for child in fs::read_dir(disk).map_err(failed)? {
            let child = child.map_err(failed)?;
            let name = child.file_name();
            let name = name.to_str().ok_or_else(|| Error::InvalidPath {
                found: child.path().display().to_string(),
                reason: "its name is not UTF-8",
            })?;
            let relative = match relative {
                "" => name.to_owned(),
                _ => format!("{relative}/{name}"),
            };
            self.child(child.path(), &relative)?;
        }
        self.ancestors.pop();
        Ok(())
    }

    fn child(&mut self, disk: PathBuf, relative: &str) -> Result<(), Error> {
        let kind = follow(&disk, self.label)?.file_type();
        if kind.is_dir() {
            self.directory(&disk, relative)
        } else if kind.is_file() {
            (self.take)(relative, disk)
        } else {
            Err(Error::SpecialFile {
                path: disk,
                label: self.label.to_owned(),
            })
        }
    }
}

/// What is at a path, behind symlinks.
pub(super) fn follow(disk: &Path, label: &str) -> Result<fs::Metadata, Error> {
    fs::metadata(disk).map_err(|source| match fs::symlink_metadata(disk) {
        Ok(metadata) if metadata.is_symlink() => Error::DanglingSymlink {
            path: disk.to_owned(),
            label: label.to_owned(),
        },
        _ => Error::io("read", disk, source),
    })
}
