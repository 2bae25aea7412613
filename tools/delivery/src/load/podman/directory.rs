//! A directory that a podman on the same machine reads by itself: it takes what it lacks, and nothing is uploaded.
//!
//! A layer that was built here lies there as its tar. One that comes from the base is first called by its `diff_id`,
//! without a file, so that podman finds it in whatever form it came; only if it does not, the compressed blob lies there,
//! fetched if need be.

use std::collections::HashSet;
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
    let mut blobs = HashSet::new();
    // Layers that are fetched on the next refusal: many of them shall not need as many attempts.
    let mut fetched_at_once = 1;
    loop {
        let directory = match write(delivery, &blobs).await? {
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
        let more = lacking(delivery, index, fetched_at_once);
        fetched_at_once *= 2;
        let was_left_out = delivery.image.is_remote(index);
        // If its file cannot be used, that is the reason.
        let found = delivery.check_layers([index]).await?;
        let is_compressed = found.first().is_some_and(|(_, layer)| layer.blob.is_some());
        if !(is_compressed || was_left_out) || !blobs.insert(index) {
            return Ok(Local::OutOfSight(refusal.to_string()));
        }
        blobs.extend(more);
    }
}

/// What lies in the directory from now on, if podman lacks the layer at `index`: blobs that are files already, and up to
/// `count` of those above it that have to be fetched.
fn lacking(delivery: &Delivery<'_>, index: usize, count: usize) -> Vec<usize> {
    let all = 0..delivery.layer_count();
    let (remote, local): (Vec<usize>, Vec<usize>) =
        all.partition(|index| delivery.image.is_remote(*index));
    let above = remote.into_iter().filter(|remote| *remote >= index);
    local.into_iter().chain(above.take(count)).collect()
}

/// Makes the directory, in which the layers in `blobs` lie as their blobs. The inner error is one of the place where it
/// should be.
async fn write(
    delivery: &Delivery<'_>,
    blobs: &HashSet<usize>,
) -> Result<io::Result<OciDirectory>, Error> {
    let image = delivery.image.description();
    let config = delivery.image.read_config()?;
    let layers = image.layers.iter().enumerate();
    let called = layers.map(|(index, layer)| match blobs.contains(&index) {
        true => load_manifest::blob(layer),
        false => load_manifest::tar(layer),
    });
    let manifest = LoadManifest::new(image, called.collect())
        .map_err(|source| delivery.description_error(source))?;
    let documents = oci_archive::documents(&manifest, &image.platform, &config, None)
        .map_err(|source| delivery.description_error(source))?;
    let mut files = Vec::new();
    for index in 0..image.layers.len() {
        files.push(usable(delivery, index, blobs.contains(&index)).await);
    }
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

/// The layer, if its file can be used. One that cannot is an error only if podman lacks the layer, and one that would have to
/// be fetched is left out until then.
async fn usable(delivery: &Delivery<'_>, index: usize, as_blob: bool) -> Option<Layer> {
    if !as_blob && delivery.image.is_remote(index) {
        return None;
    }
    let checked = delivery.check_layers([index]).await.ok()?;
    let (_, layer) = checked.into_iter().next()?;
    (as_blob || layer.blob.is_none()).then_some(layer)
}
