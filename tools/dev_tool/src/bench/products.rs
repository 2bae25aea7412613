//! What Bazel builds for the benchmarks: loaders, and archives for those that load otherwise.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use stevedore_image::digest::Digest;

use super::archive::{ArchivedImage, ArchivedLayer, Content};
use crate::bazel::Bazel;

/// The built targets of [`super::subject`].
#[derive(Debug)]
pub(crate) struct Products {
    /// Loads the lower layer alone.
    pub(crate) load_base: PathBuf,
    /// Loads the image.
    pub(crate) load_image: PathBuf,
    /// Loads the image with another command.
    pub(crate) load_other_config: PathBuf,
    /// The whole image, as `docker load` takes it.
    pub(crate) archive: PathBuf,
    /// An image that has nothing but the upper layer.
    pub(crate) top_archive: PathBuf,
}

/// The part of a delivery file that says where an image's files are.
#[derive(Debug, Deserialize)]
struct Delivery {
    images: [NamedImage; 1],
}

#[derive(Debug, Deserialize)]
struct NamedImage {
    content: DeliveredContent,
}

#[derive(Debug, Deserialize)]
struct DeliveredContent {
    image: DeliveredImage,
}

#[derive(Debug, Deserialize)]
struct DeliveredImage {
    config: String,
    layers: Vec<DeliveredLayer>,
}

#[derive(Debug, Deserialize)]
struct DeliveredLayer {
    tar: String,
}

impl Products {
    /// Builds them.
    pub(crate) fn build(bazel: &Bazel<'_>) -> Result<Self> {
        Ok(Self {
            archive: bazel.file("//:load_image", "docker_archive")?,
            top_archive: bazel.file("//:load_only_top", "docker_archive")?,
            load_base: bazel.executable("//:load_base")?,
            load_image: bazel.executable("//:load_image")?,
            load_other_config: bazel.executable("//:load_other_config")?,
        })
    }

    /// The image with all of its layers, to be written into an archive under `name`.
    pub(crate) fn image(&self, name: &str) -> Result<ArchivedImage> {
        let file = beside(&self.load_image, ".delivery.json");
        let text = read(&file)?;
        let delivery: Delivery = serde_json::from_slice(&text)
            .with_context(|| format!("`{}` is no delivery file", file.display()))?;
        let [NamedImage { content }] = delivery.images;
        let image = content.image;
        let runfiles = beside(&self.load_image, ".runfiles");
        let config = read(&runfiles.join(&image.config))?;
        let parsed: Value = serde_json::from_slice(&config).context("the config is no JSON")?;
        let diff_ids: Vec<Digest> = serde_json::from_value(parsed["rootfs"]["diff_ids"].clone())
            .context("the config has no `diff_ids`")?;
        let mut layers = Vec::new();
        for (digest, layer) in diff_ids.into_iter().zip(&image.layers) {
            let path = runfiles.join(&layer.tar);
            // Bazel's own files are links into its trees.
            let path = fs::canonicalize(&path)
                .with_context(|| format!("failed to find `{}`", path.display()))?;
            layers.push(ArchivedLayer {
                digest,
                size: path.metadata()?.len(),
                tar: Some(Content::File(path)),
            });
        }
        Ok(ArchivedImage {
            name: name.to_owned(),
            config,
            layers,
        })
    }
}

pub(crate) fn beside(program: &Path, ending: &str) -> PathBuf {
    let mut name = program.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

pub(crate) fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("failed to read `{}`", file.display()))
}
