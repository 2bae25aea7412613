use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser};

use stevedore_image::destinations::{self, Destination, Wanted};
use stevedore_image::json;
use stevedore_image::output::OutputFile;
use stevedore_image::status::Status;

use super::per_image;
use super::stamping::Stamping;

#[derive(Args)]
pub(crate) struct Destinations {
    /// The target that has the destinations, for messages.
    #[arg(long)]
    label: String,
    #[command(flatten)]
    stamping: Stamping,
    /// The images: for each `--image=LABEL`, and then what `-- --image=LABEL --help` tells.
    #[arg(last = true, required = true, value_name = "IMAGES")]
    images: Vec<String>,
}

/// Where one image is pushed to.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Image {
    /// The image's target, for messages.
    #[arg(long, value_name = "LABEL")]
    image: String,
    /// The repository.
    #[arg(long, conflicts_with = "repository_file")]
    repository: Option<String>,
    /// A file with the repository.
    #[arg(long, value_name = "FILE")]
    repository_file: Option<PathBuf>,
    /// A tag in the repository.
    #[arg(long)]
    tag: Vec<String>,
    /// More tags, one a line.
    #[arg(long, value_name = "FILE")]
    tags_file: Option<PathBuf>,
    /// Another repository, perhaps with a tag.
    #[arg(long)]
    reference: Vec<String>,
    /// Write the destinations, as JSON.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

impl Destinations {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        self.write()
            .with_context(|| format!("failed to resolve the destinations of `{}`", self.label))
    }

    fn write(&self) -> anyhow::Result<()> {
        let status = self.stamping.status()?;
        let mut images = Vec::new();
        let mut outputs = Vec::new();
        for arguments in per_image::groups(&self.images) {
            let image = Image::try_parse_from(arguments)?;
            let destinations = image
                .destinations(&status)
                .with_context(|| format!("the image `{}` cannot be pushed there", image.image))?;
            images.push((image.image, destinations));
            outputs.push(image.output);
        }
        destinations::check_distinct(&images)?;
        for ((_, destinations), output) in images.iter().zip(&outputs) {
            OutputFile::write(output, &json::to_bytes(destinations)?)?;
        }
        Ok(())
    }
}

impl Image {
    fn destinations(&self, status: &Status) -> anyhow::Result<Vec<Destination>> {
        let mut wanted = Wanted {
            repository: self.repository.clone(),
            tags: self.tag.clone(),
            references: self.reference.clone(),
        };
        if let Some(path) = &self.repository_file {
            wanted.repository = Some(destinations::repository_in_file(path)?);
        }
        if let Some(path) = &self.tags_file {
            let text = fs::read_to_string(path)
                .with_context(|| format!("failed to read `{}`", path.display()))?;
            wanted.tags.extend(text.lines().map(str::to_owned));
        }
        Ok(wanted.resolve(status)?)
    }
}
