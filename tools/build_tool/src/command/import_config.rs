use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::description::LayerDescription;
use stevedore_image::import;
use stevedore_image::json;
use stevedore_image::output::OutputFile;
use stevedore_image::Error;

#[derive(Args)]
pub(crate) struct ImportConfig {
    /// The target that imports the image, for messages.
    #[arg(long)]
    label: String,
    /// The config.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The description of a layer; once for each, from the bottom up.
    #[arg(long, value_name = "FILE")]
    layer: Vec<PathBuf>,
    /// The repository that the layers were pulled from.
    #[arg(long, value_name = "REPOSITORY")]
    repository: Option<String>,
    /// Write the description, as JSON.
    #[arg(long, value_name = "FILE")]
    description: PathBuf,
}

impl ImportConfig {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        self.import().with_context(|| {
            let config = self.config.display();
            format!("failed to import the config `{config}` of `{}`", self.label)
        })
    }

    fn import(&self) -> Result<(), Error> {
        let repository = self.repository.as_deref().map(str::parse).transpose()?;
        let mut layers = Vec::new();
        for path in &self.layer {
            let mut layer = LayerDescription::load(path)?;
            layer.repository.clone_from(&repository);
            layers.push(layer);
        }
        let description = import::describe_loose(&self.config, layers)?;
        OutputFile::write(&self.description, &json::to_bytes(&description)?)
    }
}
