use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::digest::Digest;
use stevedore_image::json;
use stevedore_image::layout;
use stevedore_image::output::OutputFile;
use stevedore_image::Error;

#[derive(Args)]
pub(crate) struct Import {
    /// The target that imports the layout, for messages.
    #[arg(long)]
    label: String,
    /// The layout.
    #[arg(long, value_name = "DIR")]
    layout: PathBuf,
    /// The repository that the layers were pulled from.
    #[arg(long, value_name = "REPOSITORY")]
    repository: Option<String>,
    /// Write the config.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Write the manifest.
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// Write the description, as JSON.
    #[arg(long, value_name = "FILE")]
    description: PathBuf,
    /// Write the manifest's digest.
    #[arg(long, value_name = "FILE")]
    digest: Option<PathBuf>,
}

impl Import {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        self.import().with_context(|| {
            let layout = self.layout.display();
            format!("failed to import the layout `{layout}` of `{}`", self.label)
        })
    }

    fn import(&self) -> Result<(), Error> {
        let repository = self.repository.as_deref().map(str::parse).transpose()?;
        let mut image = layout::import(&self.layout)?;
        if let Some(repository) = &repository {
            image.set_repository(repository);
        }
        OutputFile::write(&self.config, &image.config)?;
        OutputFile::write(&self.manifest, &image.manifest)?;
        if let Some(path) = &self.digest {
            let digest = Digest::of(&image.manifest).to_string();
            OutputFile::write(path, digest.as_bytes())?;
        }
        OutputFile::write(&self.description, &json::to_bytes(&image.description)?)
    }
}
