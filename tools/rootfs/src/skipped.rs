//! What is not looked at.

use std::collections::BTreeSet;

use crate::path;

/// What an engine puts into every container, and what we put there; absolute paths.
pub const NEVER_IN_A_LAYER: [&str; 9] = [
    "/.dockerenv",
    "/.stevedore",
    "/dev",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/proc",
    "/run/.containerenv",
    "/sys",
];

/// Paths that are not in a layer, and neither is what is below them.
#[derive(Clone, Debug, Default)]
pub struct Skipped {
    paths: BTreeSet<Vec<u8>>,
}

impl Skipped {
    /// [`NEVER_IN_A_LAYER`].
    pub fn always() -> Self {
        let mut skipped = Self::default();
        for path in NEVER_IN_A_LAYER {
            skipped.add(path.as_bytes());
        }
        skipped
    }

    /// Adds a path, with or without a leading slash.
    pub fn add(&mut self, path: &[u8]) {
        self.paths.insert(path::from_absolute(path));
    }

    /// Whether this path, in the form of [`crate::Entry::path`], is one of them; what is below them is not asked for.
    pub fn contains(&self, path: &[u8]) -> bool {
        self.paths.contains(path)
    }
}
