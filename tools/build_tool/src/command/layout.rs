use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::image_files::ImageFiles;
use stevedore_image::layout;
use stevedore_image::Error;

#[derive(Args)]
pub(crate) struct Layout {
    /// The image's target, for messages.
    #[arg(long)]
    label: String,
    /// The manifest of the image.
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// The config of the image.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The layout that the lower layers come from.
    #[arg(long, value_name = "DIR")]
    base_layout: Option<PathBuf>,
    /// The blob of an upper layer; once for each, from the bottom up.
    #[arg(long, value_name = "FILE")]
    blob: Vec<PathBuf>,
    /// Write the layout.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
}

impl Layout {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let label = self.label.clone();
        self.write()
            .with_context(|| format!("failed to write the layout of `{label}`"))
    }

    fn write(self) -> Result<(), Error> {
        let mut files = ImageFiles::load(&self.config)?.with_manifest(&self.manifest)?;
        files.base_layout = self.base_layout;
        files.blobs = self.blob;
        layout::write(&files, &self.output)
    }
}
