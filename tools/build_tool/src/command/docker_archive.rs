use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::docker_archive;
use stevedore_image::image_files::ImageFiles;
use stevedore_image::tags::{self, Status};

#[derive(Args)]
pub(crate) struct DockerArchive {
    /// The image's target, for messages.
    #[arg(long)]
    label: String,
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
    /// Write the archive.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

impl DockerArchive {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let label = self.label.clone();
        self.write()
            .with_context(|| format!("failed to write the archive of `{label}`"))
    }

    fn write(self) -> anyhow::Result<()> {
        let text = match &self.tags {
            Some(path) => fs::read_to_string(path)
                .with_context(|| format!("failed to read `{}`", path.display()))?,
            None => String::new(),
        };
        let references = tags::resolve(text.lines(), &Status::default())?;
        let mut files = ImageFiles::load(&self.config)?.with_description(&self.description)?;
        files.base_layout = self.base_layout;
        files.tars = self.tar;
        docker_archive::write(&files, &references, &self.output)?;
        Ok(())
    }
}
