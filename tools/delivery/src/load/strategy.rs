//! The two steps in which every kind of engine gets an image.

use std::future::Future;

use super::Loaded;
use crate::error::Error;

/// How an image gets into one kind of engine.
pub(super) trait Strategy {
    /// Makes sure, as cheaply as can be, that the complete image is there under all its names; `None` if something
    /// must be sent for that. No name has moved then but to this very image.
    fn adopt(&self) -> impl Future<Output = Result<Option<Loaded>, Error>>;

    /// Sends what the engine lacks, checks that the image is complete, and lets its names point to it.
    fn transfer(&self) -> impl Future<Output = Result<Loaded, Error>>;
}
