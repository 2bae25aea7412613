//! Writes a layout that stands for itself: every blob is a file in it, and no symlink.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use serde::Serialize;

use super::{blob_name, index, Marker, INDEX, MARKER};
use crate::description::{BlobDescription, Platform};
use crate::digest::{Content, Digest};
use crate::error::Error;
use crate::image_files::ImageFiles;
use crate::json;
use crate::manifest::Manifest;
use crate::media_type;
use crate::output::OutputDirectory;

#[derive(Serialize)]
struct Index<'a> {
    #[serde(rename = "schemaVersion")]
    schema_version: u32,
    #[serde(rename = "mediaType")]
    media_type: &'a str,
    manifests: [Reference; 1],
}

/// What the layout is of.
#[derive(Serialize)]
struct Reference {
    #[serde(flatten)]
    blob: BlobDescription,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<Platform>,
}

/// Writes the image as a layout. Every byte is checked while it is copied, and a blob that occurs twice is written
/// once.
///
/// # Errors
/// If a file is missing, is not what the manifest tells, or cannot be written. Nothing is there then.
pub fn write(files: &ImageFiles, directory: &Path) -> Result<(), Error> {
    write_from(files, std::slice::from_ref(files), directory)
}

/// Writes an image as a layout, as [`write()`] does, whose layers are those of other images.
///
/// # Errors
/// As with [`write()`]; or if none of `sources` has a layer.
pub fn write_from(
    files: &ImageFiles,
    sources: &[ImageFiles],
    directory: &Path,
) -> Result<(), Error> {
    let mut writer = Writer::create(directory)?;
    let blob = writer.add_image(files, sources)?;
    writer.finish(Reference {
        blob,
        platform: Some(files.platform()?),
    })
}

/// Writes an index, which is the file `index`, and its images as a layout, as [`write()`] does with one.
///
/// # Errors
/// As with [`write()`]; or if the images are not those of the index.
pub fn write_index(index: &Path, images: &[ImageFiles], directory: &Path) -> Result<(), Error> {
    let bytes = fs::read(index).map_err(|source| Error::io("read", index, source))?;
    let digests: Vec<Digest> = images
        .iter()
        .map(|image| Digest::of(image.manifest_bytes()))
        .collect();
    index::check_images(index, &bytes, &digests)?;
    let mut writer = Writer::create(directory)?;
    for image in images {
        writer.add_image(image, std::slice::from_ref(image))?;
    }
    let blob = BlobDescription::new(media_type::OCI_INDEX, Content::of(&bytes));
    writer.add_bytes(blob.digest, &bytes)?;
    writer.finish(Reference {
        blob,
        platform: None,
    })
}

/// Completes a layout whose layers are in `output` already: writes its config and manifest, and what leads to them.
pub(crate) fn write_metadata(
    output: OutputDirectory,
    config: (&BlobDescription, &[u8]),
    manifest: &[u8],
    platform: &Platform,
) -> Result<(), Error> {
    let mut writer = Writer {
        output,
        written: BTreeSet::new(),
    };
    writer.add_bytes(config.0.digest, config.1)?;
    let content = Content::of(manifest);
    writer.add_bytes(content.digest, manifest)?;
    let media_type = Manifest::parse(Path::new(INDEX), manifest)?.media_type();
    writer.finish(Reference {
        blob: BlobDescription::new(media_type, content),
        platform: Some(platform.clone()),
    })
}

/// A layout that becomes visible when it is complete.
struct Writer {
    output: OutputDirectory,
    written: BTreeSet<Digest>,
}

impl Writer {
    fn create(directory: &Path) -> Result<Self, Error> {
        Ok(Self {
            output: OutputDirectory::create(directory)?,
            written: BTreeSet::new(),
        })
    }

    /// Writes the blobs of an image that are not there yet. Returns what its manifest is.
    fn add_image(
        &mut self,
        files: &ImageFiles,
        sources: &[ImageFiles],
    ) -> Result<BlobDescription, Error> {
        let manifest = files.manifest()?;
        let content = Content::of(files.manifest_bytes());
        self.add_bytes(content.digest, files.manifest_bytes())?;
        self.add_bytes(manifest.config.digest, files.config_bytes())?;
        for (index, layer) in manifest.layers.iter().enumerate() {
            if !self.written.insert(layer.digest) {
                continue;
            }
            let path = self.output.file(&blob_name(layer.digest))?;
            let mut file =
                File::create(&path).map_err(|source| Error::io("create", &path, source))?;
            let (source, index) =
                find(layer.digest, sources)?.ok_or_else(|| Error::MissingBlob {
                    digest: layer.digest,
                    what: format!("layer {index}"),
                    path: path.clone(),
                })?;
            source.copy_blob(index, &path, &mut file)?;
        }
        Ok(BlobDescription::new(manifest.media_type(), content))
    }

    fn add_bytes(&mut self, digest: Digest, bytes: &[u8]) -> Result<(), Error> {
        match self.written.insert(digest) {
            true => self.write(&blob_name(digest), bytes),
            false => Ok(()),
        }
    }

    fn finish(self, reference: Reference) -> Result<(), Error> {
        self.write(MARKER, &json::to_bytes(&Marker::default())?)?;
        let index = Index {
            schema_version: 2,
            media_type: media_type::OCI_INDEX,
            manifests: [reference],
        };
        self.write(INDEX, &json::to_bytes(&index)?)?;
        self.output.commit()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.output.file(name)?;
        fs::write(&path, bytes).map_err(|source| Error::io("write", &path, source))
    }
}

/// The image that has a blob, and which of its layers that is.
fn find(digest: Digest, sources: &[ImageFiles]) -> Result<Option<(&ImageFiles, usize)>, Error> {
    for source in sources {
        let manifest = source.manifest()?;
        if let Some(index) = manifest
            .layers
            .iter()
            .position(|layer| layer.digest == digest)
        {
            return Ok(Some((source, index)));
        }
    }
    Ok(None)
}
