//! Turns an image that somebody else made into the files that describe it, and checks every byte of it on the way.
//!
//! It may be a directory in the OCI layout, or an archive: a tar of such a layout, or what `docker save`, podman, crane
//! and skopeo write. Everything is looked up by its name, in either; an archive's image is written out as a layout.

mod archive_files;
mod choice;
mod docker_save;
mod files;
mod layers;
mod loose;
mod manifest_edit;
mod oci_index;
mod passage;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::compression::Compression;
use crate::description::{BlobDescription, ImageDescription};
use crate::digest::{Content, Digest};
use crate::error::Error;
use crate::json;
use crate::layout::{self, INDEX, MARKER};
use crate::manifest;
use crate::output::OutputDirectory;
use crate::platform::Platform;
use crate::repository::Repository;

use archive_files::ArchiveFiles;
use files::{Directory, Files};
use layers::Pass;

pub use choice::Wanted;
pub use loose::describe_loose;

/// What an imported image is.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The config, byte for byte.
    pub config: Vec<u8>,
    /// The manifest: the image's own, or one that was made because the archive has none.
    pub manifest: Vec<u8>,
    /// The description. Every layer has its blob.
    pub description: ImageDescription,
}

/// An image that was found, before its layers are read.
struct Found {
    config: Vec<u8>,
    config_path: PathBuf,
    /// The manifest and its name, if there is one.
    manifest: Option<(PathBuf, Vec<u8>)>,
    config_blob: BlobDescription,
    /// The files of the layers, the bottom one first.
    layers: Vec<LayerFile>,
}

/// Where a layer is.
struct LayerFile {
    name: String,
    /// What the manifest says of it, if there is one.
    blob: Option<BlobDescription>,
}

/// The parts of a config that are needed beside its platform.
#[derive(Deserialize)]
#[serde(expecting = "an image config: an object with `rootfs`")]
struct Config {
    rootfs: RootFs,
}

/// A platform among other fields.
#[derive(Clone, Debug, Deserialize)]
#[serde(expecting = "an object with `os` and `architecture`")]
struct ConfigPlatform {
    os: String,
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with `diff_ids`")]
struct RootFs {
    diff_ids: Vec<Digest>,
}

impl From<ConfigPlatform> for Platform {
    fn from(config: ConfigPlatform) -> Self {
        Self {
            os: config.os,
            architecture: config.architecture,
            variant: config.variant,
        }
    }
}

impl Imported {
    /// Says that the layers were pulled from a repository.
    pub fn set_repository(&mut self, repository: &Repository) {
        for layer in &mut self.description.layers {
            layer.repository = Some(repository.clone());
        }
    }
}

/// Imports an image of a layout: checks the digest and size of every blob, and that every layer decompresses to what
/// the config says.
///
/// # Errors
/// If there is no such image or more than one, or anything is missing, is not what its digest tells, or does not fit
/// together.
pub fn import_layout(directory: &Path, wanted: &Wanted) -> Result<Imported, Error> {
    let files = Directory::new(directory);
    layout::check_marker(
        &files.path(MARKER),
        &files::read_json(&files, MARKER, "its marker")?,
    )?;
    let found = oci_index::find(&files, wanted)?;
    take(&files, found, &Pass::check_only())
}

/// Imports an image of an archive, and writes it to the directory `output` as a layout. A layer keeps the compression
/// that it has in the archive, unless it has none and `compression` is another one.
///
/// # Errors
/// As with [`import_layout()`]; or if the file is no archive of images, or the directory cannot be written. It is not
/// there then.
pub fn import_archive(
    archive: &Path,
    wanted: &Wanted,
    compression: Compression,
    output: &Path,
) -> Result<Imported, Error> {
    let files = ArchiveFiles::open(archive, output)?;
    let found = match files.has(MARKER) && files.has(INDEX) {
        true => oci_index::find(&files, wanted)?,
        false => docker_save::find(&files, wanted)?,
    };
    let directory = OutputDirectory::create(output)?;
    let imported = take(&files, found, &Pass::copy_to(&directory, compression))?;
    let description = &imported.description;
    layout::write_metadata(
        directory,
        (&description.config, &imported.config),
        &imported.manifest,
        &description.platform,
    )?;
    Ok(imported)
}

/// Reads the layers of an image, and describes it.
fn take<F: Files>(files: &F, found: Found, pass: &Pass<'_>) -> Result<Imported, Error> {
    let platform: ConfigPlatform = json::parse(&found.config_path, &found.config)?;
    let config: Config = json::parse(&found.config_path, &found.config)?;
    let diff_ids = config.rootfs.diff_ids;
    if diff_ids.len() != found.layers.len() {
        let (path, _) = found.manifest.unwrap_or_default();
        return Err(Error::LayerCount {
            first: format!("the manifest `{}`", path.display()),
            first_count: found.layers.len(),
            second: format!("its config `{}`", found.config_path.display()),
            second_count: diff_ids.len(),
        });
    }
    let layers = pass.layers(files, &found.layers, &diff_ids)?;
    let blobs: Vec<_> = layers
        .iter()
        .filter_map(|layer| layer.blob.clone())
        .collect();
    let manifest = match found.manifest {
        Some((path, bytes)) => manifest_edit::with_layers(&path, bytes, &blobs)?,
        None => manifest::assemble(&no_attributes(), Content::of(&found.config), None, &blobs)?,
    };
    Ok(Imported {
        description: ImageDescription {
            config: found.config_blob,
            platform: platform.into(),
            layers,
        },
        config: found.config,
        manifest,
    })
}

fn no_attributes() -> manifest::ManifestSpec {
    manifest::ManifestSpec {
        label: String::new(),
        annotations: Default::default(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod archive_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
