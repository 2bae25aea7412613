//! An image as its manifest and the blobs of that: flags that `layout` has once, and others once for each image.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser};

use stevedore_image::image_files::ImageFiles;
use stevedore_image::Error;

use super::per_image;

#[derive(Args)]
pub(super) struct BlobFiles {
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

/// One image of several.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Image {
    /// The image's target, for messages.
    #[arg(long, value_name = "LABEL")]
    image: String,
    #[command(flatten)]
    files: BlobFiles,
}

impl BlobFiles {
    /// The image; its blobs are not opened.
    pub(super) fn load(self) -> Result<ImageFiles, Error> {
        let mut files = ImageFiles::load(&self.config)?.with_manifest(&self.manifest)?;
        files.base_layout = self.base_layout;
        files.blobs = self.blob;
        Ok(files)
    }
}

/// The images that the arguments after `--` tell.
pub(super) fn of_images(arguments: &[String]) -> anyhow::Result<Vec<ImageFiles>> {
    let images = per_image::groups(arguments).map(|arguments| {
        let image = Image::try_parse_from(arguments)?;
        let files = image.files.load();
        files.with_context(|| format!("the image `{}` cannot be used", image.image))
    });
    images.collect()
}
