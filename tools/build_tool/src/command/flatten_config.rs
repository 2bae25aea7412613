use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::config::{self, Base};
use stevedore_image::description::LayerDescription;
use stevedore_image::json;
use stevedore_image::output::OutputFile;

#[derive(Args)]
pub(crate) struct FlattenConfig {
    /// The target, for messages and for the history.
    #[arg(long)]
    label: String,
    /// The config of the image.
    #[arg(long, value_name = "FILE")]
    image_config: PathBuf,
    /// The description of the image.
    #[arg(long, value_name = "FILE")]
    image_description: PathBuf,
    /// The description of the one layer.
    #[arg(long, value_name = "FILE")]
    layer: PathBuf,
    /// Write the config.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Write the description, as JSON.
    #[arg(long, value_name = "FILE")]
    description: PathBuf,
}

impl FlattenConfig {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        self.write()
            .with_context(|| format!("failed to make the config of `{}`", self.label))
    }

    fn write(&self) -> anyhow::Result<()> {
        let image = Base::load(&self.image_config, &self.image_description)?;
        let layer = LayerDescription::load(&self.layer)?;
        let (config, description) = config::flatten(image, &self.label, layer)?;
        OutputFile::write(&self.config, &config)?;
        OutputFile::write(&self.description, &json::to_bytes(&description)?)?;
        Ok(())
    }
}
