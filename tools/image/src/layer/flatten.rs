//! A layer that has what all layers of an image leave behind.
//!
//! The layers are read twice. From the headers alone follows which files there are in the end, and where the data of each
//! is; then the data is copied in the order in which it comes, so that a compressed layer is read as the stream that it
//! is, and what is replaced or deleted is never copied. The memory grows with the number of entries, not with their bytes.

mod write;

use super::stream::TarStream;
use super::LayerOutputs;
use crate::error::Error;
use crate::file_system::{Source, Tree};
use crate::image_files::ImageFiles;

/// Makes the outputs of the one layer that has what the layers of `image`, which has a description, have together.
///
/// What is left is what [`crate::file_system`] finds.
///
/// # Errors
/// If a layer cannot be read or is malformed, a whiteout is for something outside of the image, a hard link leads
/// nowhere, or an output cannot be written. No output is there then.
pub fn flatten(image: &ImageFiles, outputs: &LayerOutputs) -> Result<(), Error> {
    let sources = (0..image.layers().len())
        .map(|index| Source::of_image(image, index))
        .collect::<Result<Vec<_>, _>>()?;
    let tree = Tree::read(&sources)?;
    let mut stream = TarStream::create(outputs)?;
    write::write(&tree, &sources, &mut stream)?;
    stream.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
