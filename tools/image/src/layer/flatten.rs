//! A layer that has what all layers of an image leave behind.
//!
//! The layers are read twice. From the headers alone follows which files there are in the end, and where the data of each
//! is; then the data is copied in the order in which it comes, so that a compressed layer is read as the stream that it
//! is, and what is replaced or deleted is never copied. The memory grows with the number of entries, not with their bytes.

mod source;
mod tree;
mod write;

use super::stream::TarStream;
use super::LayerOutputs;
use crate::error::Error;
use crate::image_files::ImageFiles;

use source::Source;
use tree::Tree;

/// Makes the outputs of the one layer that has what the layers of `image`, which has a description, have together.
///
/// Each layer is applied to what is below it as engines do, which unpack it into a directory of its own and lay that over
/// the others (<https://docs.kernel.org/filesystems/overlayfs.html>): what has another type replaces what is there, a path
/// below what is a symbolic link in a lower layer makes a directory of it, a missing parent is made, and a whiteout hides
/// what lower layers have, and nothing of its own layer. A directory without an entry keeps what a lower layer tells of it,
/// as with containerd.
///
/// # Errors
/// If a layer cannot be read or is malformed, a whiteout is for something outside of the image, a hard link leads
/// nowhere, or an output cannot be written. No output is there then.
pub fn flatten(image: &ImageFiles, outputs: &LayerOutputs) -> Result<(), Error> {
    let sources = (0..image.layers().len())
        .map(|index| Source::open(image, index))
        .collect::<Result<Vec<_>, _>>()?;
    let mut tree = Tree::default();
    for (layer, source) in sources.iter().enumerate() {
        tree.begin_layer(layer);
        let mut ordinal = 0;
        source.each_member(&mut |member, _| {
            tree.apply(source.path(), ordinal, member)?;
            ordinal += 1;
            Ok(true)
        })?;
    }
    let mut stream = TarStream::create(outputs)?;
    write::write(&tree, &sources, &mut stream)?;
    stream.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
