use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser};

use stevedore_image::image_files::ImageFiles;
use stevedore_image::layout;
use stevedore_image::Error;

use super::per_image;

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

/// An image that has some of the layers.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Image {
    /// The image's target, for messages.
    #[arg(long, value_name = "LABEL")]
    image: String,
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
}

impl StackedLayout {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let label = self.label.clone();
        self.write()
            .with_context(|| format!("failed to write the layout of `{label}`"))
    }

    fn write(self) -> anyhow::Result<()> {
        let mut sources = Vec::new();
        for arguments in per_image::groups(&self.images) {
            let image = Image::try_parse_from(arguments)?;
            let label = image.image.clone();
            let files = image.files();
            sources.push(files.with_context(|| format!("the image `{label}` cannot be used"))?);
        }
        let files = ImageFiles::load(&self.config)?.with_manifest(&self.manifest)?;
        layout::write_from(&files, &sources, &self.output)?;
        Ok(())
    }
}

impl Image {
    fn files(self) -> Result<ImageFiles, Error> {
        let mut files = ImageFiles::load(&self.config)?.with_manifest(&self.manifest)?;
        files.base_layout = self.base_layout;
        files.blobs = self.blob;
        Ok(files)
    }
}
