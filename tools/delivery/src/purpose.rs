//! What images are loaded for.

use std::time::SystemTime;

use stevedore_image::digest::Digest;
use stevedore_image::reference::Reference;

use crate::mark::Mark;

/// What images are loaded for: who is to remove them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A test: they are marked, so that they can be removed when no test has used them for long.
    Test,
    /// A person, or a program: they are theirs, also if a test has loaded them before.
    Use,
}

impl Purpose {
    /// What an image is called that is new in an engine: the marks of its names, if it is loaded for a test, and the names.
    pub(crate) fn names(self, image: Digest, references: &[Reference]) -> Vec<Reference> {
        let now = SystemTime::now();
        let marks = references
            .iter()
            .filter(|_| self == Self::Test)
            .filter_map(|reference| Mark::new(now, image, reference));
        let marks = marks.map(|mark| mark.name().clone());
        marks.chain(references.iter().cloned()).collect()
    }
}
