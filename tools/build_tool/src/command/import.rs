use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::compression::Compression;

use stevedore_image::digest::Digest;
use stevedore_image::import::{self, Imported, Wanted};
use stevedore_image::json;
use stevedore_image::output::OutputFile;
use stevedore_image::platform::Platform;
use stevedore_image::Error;

#[derive(Args)]
pub(crate) struct Import {
    /// The target that imports the image, for messages.
    #[arg(long)]
    label: String,
    #[command(flatten)]
    source: Source,
    /// One of the image's names, where there are several images.
    #[arg(long, value_name = "NAME")]
    tag: Option<String>,
    /// What the image runs on, where there are several: `linux/arm64/v8`.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    /// The compression that layers of an archive get which have none: gzip, zstd or none.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "none",
        requires = "archive"
    )]
    compression: Compression,
    /// Write the image of the archive, as a layout.
    #[arg(long, value_name = "DIR", requires = "archive")]
    output: Option<PathBuf>,
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

/// Where the image is.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// A layout.
    #[arg(long, value_name = "DIR")]
    layout: Option<PathBuf>,
    /// An archive: of a layout, or as `docker save` writes it.
    #[arg(long, value_name = "FILE", requires = "output")]
    archive: Option<PathBuf>,
}

impl Import {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        self.import().with_context(|| {
            let source = self.source.layout.as_ref().or(self.source.archive.as_ref());
            let source = source.map(|path| path.display().to_string());
            let source = source.unwrap_or_default();
            format!("failed to import `{source}` of `{}`", self.label)
        })
    }

    fn import(&self) -> Result<(), Error> {
        let repository = self.repository.as_deref().map(str::parse).transpose()?;
        let mut image = self.image()?;
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

    fn image(&self) -> Result<Imported, Error> {
        let wanted = Wanted {
            tag: self.tag.clone(),
            platform: self.platform.clone(),
        };
        match (&self.source.layout, &self.source.archive, &self.output) {
            (Some(layout), ..) => import::import_layout(layout, &wanted),
            (_, Some(archive), Some(output)) => {
                import::import_archive(archive, &wanted, self.compression, output)
            }
            _ => unreachable!("clap demands one of the sources, and the output with the archive"),
        }
    }
}
