//! What is expected not to be there.

use stevedore_image::file_system::{Entry, FileSystem, Links};
use stevedore_image::glob::Glob;

use crate::difference::{describe, listing};
use crate::error::Error;

/// A path, or a glob of paths, at which there is nothing.
#[derive(Debug)]
pub(crate) struct AbsenceCheck {
    pattern: String,
    glob: Glob,
}

impl AbsenceCheck {
    pub(crate) fn new(label: &str, pattern: String) -> Result<Self, Error> {
        let glob = Glob::parse(label, "absent", &pattern)?;
        Ok(Self { pattern, glob })
    }

    pub(crate) fn name(&self) -> String {
        format!("absent {}", self.pattern)
    }

    /// Fails if it matches a path at which something is expected.
    pub(crate) fn check_against(&self, path: &str) -> Result<(), Error> {
        match self.glob.matches(path.trim_start_matches('/').as_bytes()) {
            true => Err(Error::Contradiction {
                path: path.to_owned(),
                pattern: self.pattern.clone(),
            }),
            false => Ok(()),
        }
    }

    /// What is there nevertheless. A path is looked up through symbolic links to directories; a glob is compared with the
    /// paths of the layers, and not with the root, which every image has.
    pub(crate) fn compare(&self, files: &FileSystem) -> Vec<String> {
        let layers = files.layers();
        if self.glob.is_path() {
            let found = files.find(&self.pattern, Links::Keep).ok();
            let found = found.map(|entry| describe(self.pattern.as_bytes(), entry, layers));
            return found.into_iter().collect();
        }
        let mut found = Vec::new();
        files.visit(&mut |path: &[u8], entry: Entry<'_>| {
            if !path.is_empty() && self.glob.matches(path) {
                found.push(describe(&[b"/", path].concat(), entry, layers));
            }
        });
        listing(found)
    }
}
