use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser};

use stevedore_image::digest::Digest;
use stevedore_image::index::{self, Member};
use stevedore_image::manifest::ManifestSpec;
use stevedore_image::output::OutputFile;

use super::per_image;

#[derive(Args)]
pub(crate) struct Index {
    /// The attributes of the index, as JSON.
    #[arg(long, value_name = "JSON")]
    spec: String,
    /// Write the index.
    #[arg(long, value_name = "FILE")]
    index: PathBuf,
    /// Write the index's digest.
    #[arg(long, value_name = "FILE")]
    digest: PathBuf,
    /// The images: for each `--image=LABEL`, and then what `-- --image=LABEL --help` tells.
    #[arg(last = true, required = true, value_name = "IMAGES")]
    images: Vec<String>,
}

/// One image of the index.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Image {
    /// The image's target, for messages.
    #[arg(long, value_name = "LABEL")]
    image: String,
    /// The manifest of the image.
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// The config of the image.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Index {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let spec: ManifestSpec =
            serde_json::from_str(&self.spec).context("`--spec` is not the JSON of an index")?;
        self.assemble(&spec)
            .with_context(|| format!("failed to make the index `{}`", spec.label))
    }

    fn assemble(&self, spec: &ManifestSpec) -> anyhow::Result<()> {
        let mut members = Vec::new();
        for arguments in per_image::groups(&self.images) {
            let image = Image::try_parse_from(arguments)?;
            let member = Member::load(&image.image, &image.manifest, &image.config);
            members
                .push(member.with_context(|| {
                    format!("the image `{}` cannot be part of it", image.image)
                })?);
        }
        let index = index::assemble(spec, &members)?;
        OutputFile::write(&self.index, &index)?;
        OutputFile::write(&self.digest, Digest::of(&index).to_string().as_bytes())?;
        Ok(())
    }
}
