use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser};

use stevedore_image::description::ImageDescription;
use stevedore_image::load_facts::{ImageFacts, LoadFacts as Facts};
use stevedore_image::output::OutputFile;
use stevedore_image::status::Status;
use stevedore_image::tags;

use super::per_image;

#[derive(Args)]
pub(crate) struct LoadFacts {
    /// The target that loads the images.
    #[arg(long)]
    label: String,
    /// Write the facts, as JSON.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// The images: for each `--image=LABEL`, and then what `-- --image=LABEL --help` tells.
    #[arg(last = true, required = true, value_name = "IMAGES")]
    images: Vec<String>,
}

/// One image of the load.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Image {
    /// The image's target.
    #[arg(long, value_name = "LABEL")]
    image: String,
    /// The description of the image.
    #[arg(long, value_name = "FILE")]
    description: PathBuf,
    /// The tags of the image, one a line.
    #[arg(long, value_name = "FILE")]
    tags: PathBuf,
}

impl LoadFacts {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let label = self.label.clone();
        self.write()
            .with_context(|| format!("failed to describe the load `{label}`"))
    }

    fn write(self) -> anyhow::Result<()> {
        let mut images = Vec::new();
        for arguments in per_image::groups(&self.images) {
            let image = Image::try_parse_from(arguments)?;
            let facts = image
                .facts()
                .with_context(|| format!("the image `{}` cannot be used", image.image))?;
            images.push((image.image, facts));
        }
        let facts = Facts::new(self.label, images);
        let mut text = facts.to_json()?;
        text.push(b'\n');
        OutputFile::write(&self.output, &text)?;
        Ok(())
    }
}

impl Image {
    fn facts(&self) -> anyhow::Result<ImageFacts> {
        let text = fs::read_to_string(&self.tags)
            .with_context(|| format!("failed to read `{}`", self.tags.display()))?;
        let references = tags::resolve(text.lines(), &Status::default())?;
        let description = ImageDescription::load(&self.description)?;
        Ok(ImageFacts::new(&description, &references)?)
    }
}
