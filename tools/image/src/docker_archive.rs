//! Archives as `docker save` writes them and `docker load` reads them.
//!
//! A layer may be left out of the archive and still be part of the image: an engine that has it already never opens it.
//! See <https://github.com/moby/moby/blob/v28.5.2/image/tarexport/load.go>.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::archive_plan::{ArchivePlan, Planner, Segment};
use crate::description::LayerDescription;
use crate::digest::Digest;
use crate::error::Error;
use crate::image_files::ImageFiles;
use crate::json;
use crate::output::OutputFile;
use crate::reference::Reference;

/// Writes an archive with the whole image to a file. Every layer is checked while it is copied.
///
/// # Errors
/// If a layer is missing or is not what the description tells, or the file cannot be written. It is not there then.
pub fn write(files: &ImageFiles, references: &[Reference], path: &Path) -> Result<(), Error> {
    let archive = plan(files.config_bytes(), references, files.layers(), |_| true)?;
    let output = OutputFile::create(path)?;
    let mut writer = output.writer()?;
    for segment in archive.segments() {
        match segment {
            Segment::Bytes(bytes) => writer
                .write_all(bytes)
                .map_err(|source| Error::io("write", path, source))?,
            Segment::Layer { index, .. } => files.copy_tar(*index, path, &mut writer)?,
        }
    }
    output.commit()
}

/// The path of a layer in the archive. Its index is part of it because a layer may occur twice in an image.
pub fn layer_path(index: usize, diff_id: Digest) -> String {
    format!("layer-{index:03}-{}.tar", diff_id.hex())
}

/// Finds a path that [`layer_path`] made in a text, such as an engine's error message.
pub fn find_layer_path(text: &str) -> Option<(usize, Digest)> {
    text.match_indices("layer-").find_map(|(start, prefix)| {
        let rest = &text[start + prefix.len()..];
        let (index, rest) = rest.split_once('-')?;
        let (hex, _) = rest.split_once(".tar")?;
        Some((index.parse().ok()?, Digest::from_hex(hex).ok()?))
    })
}

/// One element of `manifest.json`.
#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

/// Plans an archive: `config` is the config's bytes, `layers` are all layers of the image from the bottom up, and
/// `is_included` tells of each whether the archive holds its bytes. Those of a layer that occurs twice come once.
///
/// # Errors
/// None that input can cause: only if the manifest has no JSON form.
pub fn plan(
    config: &[u8],
    references: &[Reference],
    layers: &[LayerDescription],
    is_included: impl Fn(usize) -> bool,
) -> Result<ArchivePlan, Error> {
    plan_items(config, references, layers, is_included, false)
}

/// Plans an archive whose load makes the engine print the image's ID, however many names it gets.
///
/// moby prints `Loaded image ID: sha256:…` only if the last element of `manifest.json` has no name
/// (`imageRefCount` in <https://github.com/moby/moby/blob/v28.5.2/image/tarexport/load.go>), so the image comes
/// a second time, without names; its layers are there by then, and nothing is read twice.
///
/// # Errors
/// None that input can cause: only if the manifest has no JSON form.
pub fn plan_upload(
    config: &[u8],
    references: &[Reference],
    layers: &[LayerDescription],
    is_included: impl Fn(usize) -> bool,
) -> Result<ArchivePlan, Error> {
    plan_items(
        config,
        references,
        layers,
        is_included,
        !references.is_empty(),
    )
}

fn plan_items(
    config: &[u8],
    references: &[Reference],
    layers: &[LayerDescription],
    is_included: impl Fn(usize) -> bool,
    again_without_name: bool,
) -> Result<ArchivePlan, Error> {
    let places = places(layers, is_included);
    let config_path = format!("{}.json", Digest::of(config).hex());
    let item = Item {
        config: config_path.clone(),
        repo_tags: references.iter().map(Reference::familiar).collect(),
        layers: places
            .iter()
            .map(|place| layer_path(place.source, layers[place.source].diff_id))
            .collect(),
    };
    let mut items = vec![item.clone()];
    if again_without_name {
        items.push(Item {
            repo_tags: Vec::new(),
            ..item
        });
    }
    let mut planner = Planner::default();
    // The small files come first, so that an engine which refuses them has read little.
    planner.file("manifest.json", &json::to_bytes(&items)?);
    planner.file(&config_path, config);
    for (index, place) in places.iter().enumerate() {
        if place.is_included && place.source == index {
            planner.layer(&items[0].layers[index], index, layers[index].size);
        }
    }
    Ok(planner.finish())
}

/// Where an archive has the bytes of a layer.
struct Place {
    /// The layer's own index, or that of the same layer further down, if the archive holds that one.
    source: usize,
    is_included: bool,
}

fn places(layers: &[LayerDescription], is_included: impl Fn(usize) -> bool) -> Vec<Place> {
    let mut first = HashMap::new();
    let place = |(index, layer): (usize, &LayerDescription)| match is_included(index) {
        true => Place {
            source: *first.entry(layer.diff_id).or_insert(index),
            is_included: true,
        },
        false => Place {
            source: index,
            is_included: false,
        },
    };
    layers.iter().enumerate().map(place).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
