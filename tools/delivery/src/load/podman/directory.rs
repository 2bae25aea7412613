//! A directory that a podman on the same machine reads by itself: it takes what it lacks, and nothing is uploaded.
//!
//! A layer that was built here lies there as its tar. One that comes from the base's layout is first called by its
//! `diff_id`, without a file, so that podman finds it in whatever form it came; only if it does not, the compressed
//! blob lies there.

use std::io;

use stevedore_engine::Podman;
use stevedore_image::digest::Digest;
use stevedore_image::load_manifest::{self, LoadManifest};
use stevedore_image::oci_archive;

use super::super::delivery::Delivery;
use super::upload::find;
use crate::error::Error;
use crate::oci_directory::OciDirectory;
use crate::source::Layer;

/// What came of a local load.
pub(super) enum Local {
    /// The image is there; its ID, if podman told it.
    Done(Option<Digest>),
    /// Podman does not see the directory, or not what is in it, because of this.
    OutOfSight(String),
}

/// Lets podman load the image from a directory.
pub(super) async fn load<E: Podman>(delivery: &Delivery<'_>, engine: &E) -> Result<Local, Error> {
    delivery.tally.set(0, 0);
    let layers = &delivery.image.description().layers;
    for with_blobs in [false, true] {
        let directory = match write(delivery, with_blobs)? {
            Ok(directory) => directory,
            Err(error) => return Ok(Local::OutOfSight(error.to_string())),
        };
        let answer = engine.load_directory(directory.path()).await?;
        let Some(refusal) = answer.refusal else {
            return Ok(Local::Done(answer.image_ids.first().copied()));
        };
        let missing = refusal.missing_blob().and_then(|blob| find(layers, blob));
        let Some(index) = missing else {
            return match refusal.is_disk_full() || refusal.is_wrong_diff_id() {
                true => Err(delivery.refusal(refusal)),
                false => Ok(Local::OutOfSight(refusal.to_string())),
            };
        };
        // If its file cannot be used, that is the reason.
        let layer = delivery.check_layers([index])?;
        let is_compressed = layer.first().is_some_and(|(_, layer)| layer.blob.is_some());
        if with_blobs || !is_compressed {
            return Ok(Local::OutOfSight(refusal.to_string()));
        }
    }
    Ok(Local::OutOfSight("it lacks every layer".to_owned()))
}

/// Makes the directory. The inner error is one of the place where it should be.
fn write(delivery: &Delivery<'_>, with_blobs: bool) -> Result<io::Result<OciDirectory>, Error> {
    let image = delivery.image.description();
    let config = delivery.image.read_config()?;
    let blobs = image.layers.iter().map(|layer| match with_blobs {
        true => load_manifest::blob(layer),
        false => load_manifest::tar(layer),
    });
    let manifest = LoadManifest::new(image, blobs.collect())
        .map_err(|source| delivery.description_error(source))?;
    let documents = oci_archive::documents(&manifest, &image.platform, &config, None)
        .map_err(|source| delivery.description_error(source))?;
    let files: Vec<Option<Layer>> = (0..image.layers.len())
        .map(|index| usable(delivery, index, with_blobs))
        .collect();
    let fill = || {
        let directory = OciDirectory::create()?;
        for (path, bytes) in &documents {
            directory.write(path, bytes)?;
        }
        for (file, blob) in files.iter().zip(manifest.layers()) {
            if let Some(file) = file {
                directory.link(blob.digest, &file.path)?;
            }
        }
        Ok(directory)
    };
    Ok(fill())
}

/// The layer, if its file can be used. One that cannot is an error only if podman lacks the layer.
fn usable(delivery: &Delivery<'_>, index: usize, with_blobs: bool) -> Option<Layer> {
    let checked = delivery.check_layers([index]).ok()?;
    let (_, layer) = checked.into_iter().next()?;
    (with_blobs || layer.blob.is_none()).then_some(layer)
}
