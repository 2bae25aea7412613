use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::image_files::ImageFiles;
use stevedore_image::layout;

use super::blob_files;

#[derive(Args)]
pub(crate) struct StackedLayout {
    /// The image's target, for messages.
    #[arg(long)]
    label: String,
    /// The manifest of the image.
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// The config of the image.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Write the layout.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// The images that the layers are of: for each `--image=LABEL`, and then what `-- --image=LABEL --help` tells.
    #[arg(last = true, required = true, value_name = "IMAGES")]
    images: Vec<String>,
}

impl StackedLayout {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        self.write()
            .with_context(|| format!("failed to write the layout of `{}`", self.label))
    }

    fn write(&self) -> anyhow::Result<()> {
        let sources = blob_files::of_images(&self.images)?;
        let files = ImageFiles::load(&self.config)?.with_manifest(&self.manifest)?;
        layout::write_from(&files, &sources, &self.output)?;
        Ok(())
    }
}
