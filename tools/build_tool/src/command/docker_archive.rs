use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser};

use stevedore_image::docker_archive::{self, NamedFiles};
use stevedore_image::image_files::ImageFiles;
use stevedore_image::status::Status;
use stevedore_image::tags;

use super::per_image;

#[derive(Args)]
pub(crate) struct DockerArchive {
    /// The target, for messages.
    #[arg(long)]
    label: String,
    /// Write the archive.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// The images: for each `--image=LABEL`, and then what `-- --image=LABEL --help` tells.
    #[arg(last = true, required = true, value_name = "IMAGES")]
    images: Vec<String>,
}

/// One image in the archive.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Image {
    /// The image's target, for messages.
    #[arg(long, value_name = "LABEL")]
    image: String,
    /// The config of the image.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The description of the image.
    #[arg(long, value_name = "FILE")]
    description: PathBuf,
    /// The layout that the lower layers come from.
    #[arg(long, value_name = "DIR")]
    base_layout: Option<PathBuf>,
    /// The uncompressed tar of an upper layer; once for each, from the bottom up.
    #[arg(long, value_name = "FILE")]
    tar: Vec<PathBuf>,
    /// The tags of the image, one a line.
    #[arg(long, value_name = "FILE")]
    tags: Option<PathBuf>,
}

impl DockerArchive {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let label = self.label.clone();
        self.write()
            .with_context(|| format!("failed to write the archive of `{label}`"))
    }

    fn write(self) -> anyhow::Result<()> {
        let mut images = Vec::new();
        for arguments in per_image::groups(&self.images) {
            let image = Image::try_parse_from(arguments)?;
            let label = image.image.clone();
            let files = image.files();
            images.push(files.with_context(|| format!("the image `{label}` cannot be used"))?);
        }
        docker_archive::write(&images, &self.output)?;
        Ok(())
    }
}

impl Image {
    fn files(self) -> anyhow::Result<NamedFiles> {
        let text = match &self.tags {
            Some(path) => fs::read_to_string(path)
                .with_context(|| format!("failed to read `{}`", path.display()))?,
            None => String::new(),
        };
        let mut files = ImageFiles::load(&self.config)?.with_description(&self.description)?;
        files.base_layout = self.base_layout;
        files.tars = self.tar;
        Ok(NamedFiles {
            files,
            references: tags::resolve(text.lines(), &Status::default())?,
        })
    }
}
