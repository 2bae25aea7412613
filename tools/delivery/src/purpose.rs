//! What images are loaded for.

/// What images are loaded for: who is to remove them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A test: they are marked, so that they can be removed when no test has used them for long.
    Test,
    /// A person, or a program: they are theirs, also if a test has loaded them before.
    Use,
}
