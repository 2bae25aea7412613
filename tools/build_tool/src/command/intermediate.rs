use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::image_files::ImageFiles;
use stevedore_image::intermediate;
use stevedore_image::Error;

#[derive(Args)]
pub(crate) struct Intermediate {
    /// The image's target, for messages.
    #[arg(long)]
    label: String,
    /// The config of the image.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The manifest of the image.
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// The description of the image.
    #[arg(long, value_name = "FILE")]
    description: PathBuf,
    /// The layout that the lower layers come from.
    #[arg(long, value_name = "DIR")]
    base_layout: Option<PathBuf>,
    /// The uncompressed tar of an upper layer; once for each, from the bottom up.
    #[arg(long, value_name = "FILE")]
    tar: Vec<PathBuf>,
    /// The blob of an upper layer; once for each, from the bottom up.
    #[arg(long, value_name = "FILE")]
    blob: Vec<PathBuf>,
    /// Write the directory.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
}

impl Intermediate {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let label = self.label.clone();
        self.write()
            .with_context(|| format!("failed to write the intermediate form of `{label}`"))
    }

    fn write(self) -> Result<(), Error> {
        let mut files = ImageFiles::load(&self.config)?
            .with_manifest(&self.manifest)?
            .with_description(&self.description)?;
        files.base_layout = self.base_layout;
        files.tars = self.tar;
        files.blobs = self.blob;
        intermediate::write(&files, &self.output)
    }
}
