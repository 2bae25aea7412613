use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::assignments;
use stevedore_image::description::BlobDescription;
use stevedore_image::digest::{Content, Digest};
use stevedore_image::manifest::{self, ManifestSpec};
use stevedore_image::output::OutputFile;

use super::stamping::Stamping;

#[derive(Args)]
pub(crate) struct Manifest {
    /// The attributes of the image, as JSON.
    #[arg(long, value_name = "JSON")]
    spec: String,
    /// The config of the image.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The manifest of the base.
    #[arg(long, value_name = "FILE")]
    base_manifest: Option<PathBuf>,
    /// The description of a blob above the base; once for each, from the bottom up.
    #[arg(long, value_name = "FILE")]
    blob_description: Vec<PathBuf>,
    /// A file with more annotations, `KEY=VALUE` a line.
    #[arg(long, value_name = "FILE")]
    annotations_file: Option<PathBuf>,
    #[command(flatten)]
    stamping: Stamping,
    /// Write the manifest.
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// Write the manifest's digest.
    #[arg(long, value_name = "FILE")]
    digest: PathBuf,
}

impl Manifest {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let spec: ManifestSpec =
            serde_json::from_str(&self.spec).context("`--spec` is not the JSON of an image")?;
        let label = spec.label.clone();
        self.assemble(spec)
            .with_context(|| format!("failed to make the manifest of `{label}`"))
    }

    fn assemble(&self, mut spec: ManifestSpec) -> anyhow::Result<()> {
        if let Some(path) = &self.annotations_file {
            spec.annotations.extend(assignments::load(path)?);
        }
        spec.stamp(&self.stamping.status()?)?;
        let config = fs::read(&self.config)
            .with_context(|| format!("failed to read `{}`", self.config.display()))?;
        let blobs = self
            .blob_description
            .iter()
            .map(|path| BlobDescription::load(path))
            .collect::<Result<Vec<_>, _>>()?;
        let base = self.base_manifest.as_deref();
        let manifest = manifest::assemble(&spec, Content::of(&config), base, &blobs)?;
        OutputFile::write(&self.manifest, &manifest)?;
        OutputFile::write(&self.digest, Digest::of(&manifest).to_string().as_bytes())?;
        Ok(())
    }
}
