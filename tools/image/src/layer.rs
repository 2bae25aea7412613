//! Layers: made from a recipe, taken from a tar that exists, or made of all layers of an image.

mod assembly;
mod attributes;
mod directory;
mod entry;
mod flatten;
mod label;
mod merge;
mod prebuilt;
mod recipe;
mod stream;
mod write;

use std::path::{Path, PathBuf};

use crate::compression::Compression;
use crate::error::Error;
use crate::output::directory_of;

pub use flatten::flatten;
pub use prebuilt::Prebuilt;
pub use recipe::Recipe;
pub use stream::TarStream;

/// Which files are made of a layer. Nothing that is not asked for costs anything.
#[derive(Clone, Debug, Default)]
pub struct LayerOutputs {
    /// The description of the tar, see [`crate::description::LayerDescription`].
    pub description: Option<PathBuf>,
    /// The uncompressed tar.
    pub tar: Option<PathBuf>,
    /// The blob.
    pub blob: Option<PathBuf>,
    /// The description of the blob, see [`crate::description::BlobDescription`].
    pub blob_description: Option<PathBuf>,
    /// How the blob is compressed, unless the layer comes compressed.
    pub compression: Option<Compression>,
}

impl LayerOutputs {
    fn needs_blob(&self) -> bool {
        self.blob.is_some() || self.blob_description.is_some()
    }

    /// A directory for temporary files that can hold as much as the outputs.
    fn scratch(&self) -> &Path {
        [
            &self.tar,
            &self.blob,
            &self.description,
            &self.blob_description,
        ]
        .into_iter()
        .flatten()
        .next()
        .map_or(Path::new("."), |path| directory_of(path))
    }
}

/// Makes the outputs of the layer that a recipe describes.
///
/// # Errors
/// If the recipe contradicts itself, an input cannot be read or is not what it should be, or an output cannot be
/// written. No output is there then.
pub fn build(recipe: &Recipe, outputs: &LayerOutputs) -> Result<(), Error> {
    let assembly = assembly::Assembly::new(recipe, outputs.scratch())?;
    let mut stream = stream::TarStream::create(outputs)?;
    write::write(&assembly, &mut stream)?;
    stream.finish()
}
