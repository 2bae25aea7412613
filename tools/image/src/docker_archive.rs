//! Archives as `docker save` writes them and `docker load` reads them.
//!
//! A layer may be left out of the archive and still be part of the image: an engine that has it already never opens it.
//! See <https://github.com/moby/moby/blob/v28.5.2/image/tarexport/load.go>.

use std::collections::{BTreeMap, HashMap};
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

/// An image with its files, and the names that it has in an archive.
#[derive(Clone, Debug)]
pub struct NamedFiles {
    /// The files.
    pub files: ImageFiles,
    /// The names.
    pub references: Vec<Reference>,
}

/// Writes an archive with whole images to a file, a layer that several have once. Every layer is checked while it is
/// copied.
///
/// # Errors
/// If a layer is missing or is not what the description tells, or the file cannot be written. It is not there then.
pub fn write(images: &[NamedFiles], path: &Path) -> Result<(), Error> {
    let layers = images
        .iter()
        .map(|image| image.files.sized_layers())
        .collect::<Result<Vec<_>, _>>()?;
    let archived: Vec<_> = images
        .iter()
        .zip(&layers)
        .map(|(image, layers)| ArchivedImage {
            config: image.files.config_bytes(),
            references: &image.references,
            layers,
        })
        .collect();
    let archive = plan_items(&archived, |_| true, false)?;
    let output = OutputFile::create(path)?;
    let mut writer = output.writer()?;
    for segment in archive.segments() {
        match segment {
            Segment::Bytes(bytes) => writer
                .write_all(bytes)
                .map_err(|source| Error::io("write", path, source))?,
            Segment::Layer { index, .. } => {
                let (image, layer) = locate(&archived, *index);
                images[image].files.copy_tar(layer, path, &mut writer)?;
            }
        }
    }
    output.commit()
}

/// The image that the layer with this place in the list of all of `images`' layers belongs to, and its place in that
/// image.
///
/// # Panics
/// If there is no such layer.
pub fn locate(images: &[ArchivedImage<'_>], index: usize) -> (usize, usize) {
    let mut place = index;
    for (number, image) in images.iter().enumerate() {
        match place.checked_sub(image.layers.len()) {
            Some(rest) => place = rest,
            None => return (number, place),
        }
    }
    panic!("the images have no layer {index}")
}

/// The path of a layer in the archive. Its place in all of the archive's images is part of it because a layer may occur
/// twice.
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

/// An image that an archive describes.
#[derive(Clone, Copy, Debug)]
pub struct ArchivedImage<'a> {
    /// The bytes of the config.
    pub config: &'a [u8],
    /// The names that the image gets.
    pub references: &'a [Reference],
    /// All its layers, from the bottom up.
    pub layers: &'a [LayerDescription],
}

/// Plans an archive: `config` is the config's bytes, `layers` are all layers of the image from the bottom up, and
/// `is_included` tells of each whether the archive holds its bytes. Those of a layer that occurs twice come once.
///
/// # Errors
/// If the size of an included layer is not known.
pub fn plan(
    config: &[u8],
    references: &[Reference],
    layers: &[LayerDescription],
    is_included: impl Fn(usize) -> bool,
) -> Result<ArchivePlan, Error> {
    let image = ArchivedImage {
        config,
        references,
        layers,
    };
    plan_items(&[image], is_included, false)
}

/// Plans an archive whose load makes the engine print the ID of every image in it, however many names they get.
///
/// The layers of all images count as one list: `is_included` is asked for each place in it, and paths and segments name
/// that place. What is included twice comes once.
///
/// moby prints `Loaded image ID: sha256:…` only if the last element of `manifest.json` has no name
/// (`imageRefCount` in <https://github.com/moby/moby/blob/v28.5.2/image/tarexport/load.go>), so the last image comes
/// a second time, without names; its layers are there by then, and nothing is read twice.
///
/// # Errors
/// If the size of an included layer is not known.
pub fn plan_upload(
    images: &[ArchivedImage<'_>],
    is_included: impl Fn(usize) -> bool,
) -> Result<ArchivePlan, Error> {
    let again_without_name = images
        .last()
        .is_some_and(|image| !image.references.is_empty());
    plan_items(images, is_included, again_without_name)
}

fn plan_items(
    images: &[ArchivedImage<'_>],
    is_included: impl Fn(usize) -> bool,
    again_without_name: bool,
) -> Result<ArchivePlan, Error> {
    let layers: Vec<_> = images.iter().flat_map(|image| image.layers).collect();
    let places = places(&layers, is_included);
    let mut paths = places
        .iter()
        .map(|place| layer_path(place.source, layers[place.source].diff_id));
    let mut items: Vec<_> = images
        .iter()
        .map(|image| Item {
            config: format!("{}.json", Digest::of(image.config).hex()),
            repo_tags: image.references.iter().map(Reference::familiar).collect(),
            layers: paths.by_ref().take(image.layers.len()).collect(),
        })
        .collect();
    let configs: BTreeMap<_, _> = items
        .iter()
        .zip(images)
        .map(|(item, image)| (item.config.clone(), image.config))
        .collect();
    if let Some(last) = items.last().filter(|_| again_without_name) {
        items.push(Item {
            repo_tags: Vec::new(),
            ..last.clone()
        });
    }
    let mut planner = Planner::default();
    // The small files come first, so that an engine which refuses them has read little.
    planner.file("manifest.json", &json::to_bytes(&items)?);
    for (path, config) in configs {
        planner.file(&path, config);
    }
    for (index, place) in places.iter().enumerate() {
        if place.is_included && place.source == index {
            let layer = layers[index];
            let tar = layer.tar().ok_or(Error::UnknownSize {
                diff_id: layer.diff_id,
            })?;
            planner.layer(&layer_path(index, layer.diff_id), index, tar.size);
        }
    }
    Ok(planner.finish())
}

/// Where an archive has the bytes of a layer.
struct Place {
    /// The layer's own place, or that of the same layer before it, if the archive holds that one.
    source: usize,
    is_included: bool,
}

fn places(layers: &[&LayerDescription], is_included: impl Fn(usize) -> bool) -> Vec<Place> {
    let mut first = HashMap::new();
    let place = |(index, layer): (usize, &&LayerDescription)| match is_included(index) {
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
