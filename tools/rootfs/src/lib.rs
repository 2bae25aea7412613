//! What commands changed in a root file system, and the layer that it makes: the same bytes whoever looks.
//!
//! There are two ways to [`Changes`]: two [`Snapshot`]s of a root file system, before and after; and the upper directory
//! of an overlay. [`write_layer`] makes the tar from them.
#![deny(missing_docs)]

mod changes;
mod difference;
mod error;
mod inode;
mod layer;
mod mounts;
mod named;
mod path;
mod skipped;
mod snapshot;
mod upper;
mod xattrs;

pub use changes::{Attributes, Changes, Entry, EntryKind, Inode};
pub use difference::difference;
pub use error::Error;
pub use layer::write_layer;
pub use mounts::mount_points;
pub use named::named;
pub use skipped::{Skipped, NEVER_IN_A_LAYER};
pub use snapshot::Snapshot;
pub use upper::upper_difference;
pub use xattrs::{read as xattrs, Xattrs};
