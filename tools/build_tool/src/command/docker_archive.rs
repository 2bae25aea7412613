use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser};

use stevedore_image::docker_archive::{self, NamedFiles};
use stevedore_image::image_files::ImageFiles;
use stevedore_image::platform::Platform;
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
    /// Of an index take the image for this platform, like `linux/arm64`.
    #[arg(long)]
    platform: Option<Platform>,
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
    /// The index that this image and its neighbours with the same `--index` are of: the archive gets one of them.
    #[arg(long, value_name = "LABEL")]
    index: Option<String>,
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
            let index = image.index.clone();
            let files = image.files();
            let files = files.with_context(|| format!("the image `{label}` cannot be used"))?;
            images.push((index, files));
        }
        let mut chosen = Vec::new();
        for images in images.chunk_by(|(index, _), (next, _)| index.is_some() && index == next) {
            chosen.push(self.choose(images)?.clone());
        }
        docker_archive::write(&chosen, &self.output)?;
        Ok(())
    }

    /// The one of an index's images that the archive gets; the image itself if it is of none.
    fn choose<'a>(
        &self,
        images: &'a [(Option<String>, NamedFiles)],
    ) -> anyhow::Result<&'a NamedFiles> {
        let (index, first) = images.first().context("there is no image")?;
        let Some(index) = index else {
            return Ok(first);
        };
        let platform = self
            .platform
            .as_ref()
            .context("`--index` needs `--platform`")?;
        let platforms: Result<Vec<_>, _> = images
            .iter()
            .map(|(_, image)| image.files.platform())
            .collect();
        let place = platform.choose(&platforms?).with_context(|| {
            format!(
                "a Docker archive has one image of the index `{index}`, that for the target platform: \
                 build with `--platforms`, or write the archive of an image of it"
            )
        })?;
        Ok(&images[place].1)
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
