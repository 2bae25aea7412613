use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::assignments;
use stevedore_image::config::{self, Base, ConfigSpec};
use stevedore_image::description::LayerDescription;
use stevedore_image::json;
use stevedore_image::output::OutputFile;

use super::stamping::Stamping;

#[derive(Args)]
pub(crate) struct Config {
    /// The attributes of the image, as JSON.
    #[arg(long, value_name = "JSON")]
    spec: String,
    /// The config of the base.
    #[arg(long, value_name = "FILE", requires = "base_description")]
    base_config: Option<PathBuf>,
    /// The description of the base.
    #[arg(long, value_name = "FILE", requires = "base_config")]
    base_description: Option<PathBuf>,
    /// The description of a layer above the base; once for each, from the bottom up.
    #[arg(long, value_name = "FILE")]
    layer: Vec<PathBuf>,
    /// A file with more labels, `KEY=VALUE` a line.
    #[arg(long, value_name = "FILE")]
    labels_file: Option<PathBuf>,
    /// A file with more environment variables, `KEY=VALUE` a line.
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// A file with the time at which the image was made.
    #[arg(long, value_name = "FILE")]
    created_file: Option<PathBuf>,
    #[command(flatten)]
    stamping: Stamping,
    /// Write the config.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Write the description, as JSON.
    #[arg(long, value_name = "FILE")]
    description: PathBuf,
}

impl Config {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let spec: ConfigSpec =
            serde_json::from_str(&self.spec).context("`--spec` is not the JSON of an image")?;
        let label = spec.label.clone();
        self.assemble(spec)
            .with_context(|| format!("failed to make the config of `{label}`"))
    }

    /// Adds what comes from files, and replaces placeholders.
    fn complete(&self, spec: &mut ConfigSpec) -> anyhow::Result<()> {
        if let Some(path) = &self.labels_file {
            spec.labels.extend(assignments::load(path)?);
        }
        if let Some(path) = &self.env_file {
            spec.env.extend(assignments::load(path)?);
        }
        if let Some(path) = &self.created_file {
            let text = fs::read_to_string(path)
                .with_context(|| format!("failed to read `{}`", path.display()))?;
            spec.created = Some(text.trim().to_owned());
        }
        Ok(spec.stamp(&self.stamping.status()?)?)
    }

    fn assemble(&self, mut spec: ConfigSpec) -> anyhow::Result<()> {
        self.complete(&mut spec)?;
        let base = match (&self.base_config, &self.base_description) {
            (Some(config), Some(description)) => Some(Base::load(config, description)?),
            _ => None,
        };
        let layers = self
            .layer
            .iter()
            .map(|path| LayerDescription::load(path))
            .collect::<Result<_, _>>()?;
        let (config, description) = config::assemble(&spec, base, layers)?;
        OutputFile::write(&self.config, &config)?;
        OutputFile::write(&self.description, &json::to_bytes(&description)?)?;
        Ok(())
    }
}
