use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::config::{self, Base};
use stevedore_image::json;
use stevedore_image::output::OutputFile;

#[derive(Args)]
pub(crate) struct Rebase {
    /// The target, for messages.
    #[arg(long)]
    label: String,
    /// The config of the image.
    #[arg(long, value_name = "FILE")]
    image_config: PathBuf,
    /// The description of the image.
    #[arg(long, value_name = "FILE")]
    image_description: PathBuf,
    /// The config of the base that the image is made of.
    #[arg(long, value_name = "FILE")]
    old_base_config: PathBuf,
    /// The description of the base that the image is made of.
    #[arg(long, value_name = "FILE")]
    old_base_description: PathBuf,
    /// The config of the base that it gets.
    #[arg(long, value_name = "FILE")]
    new_base_config: PathBuf,
    /// The description of the base that it gets.
    #[arg(long, value_name = "FILE")]
    new_base_description: PathBuf,
    /// Write the config.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Write the description, as JSON.
    #[arg(long, value_name = "FILE")]
    description: PathBuf,
}

impl Rebase {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        self.write()
            .with_context(|| format!("failed to make the config of `{}`", self.label))
    }

    fn write(&self) -> anyhow::Result<()> {
        let image = Base::load(&self.image_config, &self.image_description)?;
        let old_base = Base::load(&self.old_base_config, &self.old_base_description)?;
        let new_base = Base::load(&self.new_base_config, &self.new_base_description)?;
        let (config, description) = config::rebase(&self.label, image, &old_base, new_base)?;
        OutputFile::write(&self.config, &config)?;
        OutputFile::write(&self.description, &json::to_bytes(&description)?)?;
        Ok(())
    }
}
