use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::digest::{Content, Digest};
use stevedore_image::manifest;
use stevedore_image::output::OutputFile;

#[derive(Args)]
pub(crate) struct RebaseManifest {
    /// The target, for messages.
    #[arg(long)]
    label: String,
    /// The manifest of the image.
    #[arg(long, value_name = "FILE")]
    image_manifest: PathBuf,
    /// The manifest of the base that the image is made of.
    #[arg(long, value_name = "FILE")]
    old_base_manifest: PathBuf,
    /// The manifest of the base that it gets.
    #[arg(long, value_name = "FILE")]
    new_base_manifest: PathBuf,
    /// The config that it gets.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Write the manifest.
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// Write the manifest's digest.
    #[arg(long, value_name = "FILE")]
    digest: PathBuf,
}

impl RebaseManifest {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        self.write()
            .with_context(|| format!("failed to make the manifest of `{}`", self.label))
    }

    fn write(&self) -> anyhow::Result<()> {
        let config = fs::read(&self.config)
            .with_context(|| format!("failed to read `{}`", self.config.display()))?;
        let manifest = manifest::rebase(
            &self.image_manifest,
            &self.old_base_manifest,
            &self.new_base_manifest,
            Content::of(&config),
        )?;
        OutputFile::write(&self.manifest, &manifest)?;
        OutputFile::write(&self.digest, Digest::of(&manifest).to_string().as_bytes())?;
        Ok(())
    }
}
