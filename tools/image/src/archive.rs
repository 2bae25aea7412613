//! Tar archives: written in one canonical form, read in all forms that are about.

mod blocks;
mod canonical;
mod extensions;
mod field;
mod member;
mod name_check;
mod pax;
mod reader;
mod sparse;

pub use canonical::{end_of_archive, header, padding};
pub use member::{Kind, Member};
pub(crate) use name_check::{NameCheck, Outside};
pub use reader::{Reader, Stored};
pub use sparse::{Data, Expanded};

/// Archives are made of blocks of this many bytes.
pub const BLOCK: usize = 512;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
