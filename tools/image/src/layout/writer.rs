//! Writes a layout that stands for itself: every blob is a file in it, and no symlink.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use serde::Serialize;

use super::{blob_name, Marker, INDEX, MARKER};
use crate::description::{BlobDescription, Platform};
use crate::digest::Content;
use crate::error::Error;
use crate::image_files::ImageFiles;
use crate::json;
use crate::media_type;
use crate::output::OutputDirectory;

#[derive(Serialize)]
struct Index<'a> {
    #[serde(rename = "schemaVersion")]
    schema_version: u32,
    #[serde(rename = "mediaType")]
    media_type: &'a str,
    manifests: [Reference<'a>; 1],
}

#[derive(Serialize)]
struct Reference<'a> {
    #[serde(flatten)]
    blob: BlobDescription,
    platform: &'a Platform,
}

/// Writes the image as a layout. Every byte is checked while it is copied, and a blob that occurs twice is written
/// once.
///
/// # Errors
/// If a file is missing, is not what the manifest tells, or cannot be written. Nothing is there then.
pub fn write(files: &ImageFiles, directory: &Path) -> Result<(), Error> {
    let output = OutputDirectory::create(directory)?;
    let manifest = files.manifest()?;
    write_json(&output, MARKER, &Marker::default())?;
    let content = Content::of(files.manifest_bytes());
    write_json(
        &output,
        INDEX,
        &Index {
            schema_version: 2,
            media_type: media_type::OCI_INDEX,
            manifests: [Reference {
                blob: BlobDescription::new(manifest.media_type(), content),
                platform: &files.platform()?,
            }],
        },
    )?;
    write_bytes(&output, &blob_name(content.digest), files.manifest_bytes())?;
    write_bytes(
        &output,
        &blob_name(manifest.config.digest),
        files.config_bytes(),
    )?;
    let mut written = BTreeSet::new();
    for (index, layer) in manifest.layers.iter().enumerate() {
        if !written.insert(layer.digest) {
            continue;
        }
        let path = output.file(&blob_name(layer.digest))?;
        let mut file = File::create(&path).map_err(|source| Error::io("create", &path, source))?;
        files.copy_blob(index, &path, &mut file)?;
    }
    output.commit()
}

fn write_json(output: &OutputDirectory, name: &str, value: &impl Serialize) -> Result<(), Error> {
    write_bytes(output, name, &json::to_bytes(value)?)
}

fn write_bytes(output: &OutputDirectory, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = output.file(name)?;
    fs::write(&path, bytes).map_err(|source| Error::io("write", &path, source))
}
