//! Images in the form of `docker save`: `manifest.json`, and the configs and layers that it names.
//!
//! podman, skopeo and crane write it too, each with names of its own. See
//! <https://github.com/moby/moby/blob/v28.5.2/image/tarexport/load.go>.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::archive_files::ArchiveFiles;
use super::choice::{choose, Candidate, Wanted};
use super::files::{read_json, Files};
use super::{ConfigPlatform, Found, LayerFile};
use crate::description::BlobDescription;
use crate::digest::{Content, Digest};
use crate::error::Error;
use crate::json;
use crate::layout::{check_content, MARKER};
use crate::media_type;

const MANIFEST: &str = "manifest.json";
/// What archives had before they had [`MANIFEST`], and have beside it to this day.
const REPOSITORIES: &str = "repositories";

/// An element of `manifest.json`.
#[derive(Deserialize)]
#[serde(
    rename_all = "PascalCase",
    expecting = "an object with `Config` and `Layers`"
)]
struct Item {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// Finds the image that is wanted.
pub(super) fn find(files: &ArchiveFiles, wanted: &Wanted) -> Result<Found, Error> {
    let path = files.path(MANIFEST);
    if !files.has(MANIFEST) {
        return Err(no_manifest(files));
    }
    let bytes = read_json(files, MANIFEST, "the list of images")?;
    let item = choose(&path, candidates(files, &path, &bytes)?, wanted, |item| {
        let config = read_config(files, &item.config)?;
        let platform: ConfigPlatform = json::parse(&files.path(&item.config), &config)?;
        Ok(Some(platform.into()))
    })?;
    let config = read_config(files, &item.config)?;
    let layers = item.layers.unwrap_or_default();
    for (index, name) in layers.iter().enumerate() {
        if !files.has(name) {
            return Err(Error::MissingFile {
                path: files.path(name),
                what: format!("layer {index}"),
            });
        }
    }
    let layer_file = |name| LayerFile { name, blob: None };
    Ok(Found {
        config_blob: BlobDescription::new(media_type::OCI_CONFIG, Content::of(&config)),
        config_path: files.path(&item.config),
        config,
        manifest: None,
        layers: layers.into_iter().map(layer_file).collect(),
    })
}

/// The images, each once, with all its names.
fn candidates(
    files: &ArchiveFiles,
    path: &Path,
    bytes: &[u8],
) -> Result<Vec<Candidate<Item>>, Error> {
    let items: Vec<Item> = serde_json::from_slice(bytes).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })?;
    let mut candidates: Vec<Candidate<Item>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for mut item in items {
        let names = item.repo_tags.take().unwrap_or_default();
        let place = *places.entry(item.config.clone()).or_insert_with(|| {
            candidates.push(Candidate {
                id: item.config.clone(),
                names: Vec::new(),
                platform: None,
                is_there: files.has(&item.config),
                value: item,
            });
            candidates.len() - 1
        });
        candidates[place].names.extend(names);
    }
    Ok(candidates)
}

/// Reads a config. Every tool names it after its digest, which is the image's ID.
fn read_config(files: &ArchiveFiles, name: &str) -> Result<Vec<u8>, Error> {
    let bytes = read_json(files, name, "the image config")?;
    let stem = name.rsplit('/').next().unwrap_or(name);
    let stem = stem.strip_suffix(".json").unwrap_or(stem);
    let stem = stem.strip_prefix("sha256:").unwrap_or(stem);
    if let Ok(digest) = Digest::from_hex(stem) {
        let found = Content::of(&bytes);
        let expected = Content { digest, ..found };
        check_content(&files.path(name), "the image config", expected, found)?;
    }
    Ok(bytes)
}

fn no_manifest(files: &ArchiveFiles) -> Error {
    let path = files.archive().to_owned();
    for name in [MARKER, MANIFEST] {
        if let Some(target) = files.link_to_nothing(name) {
            return Error::LinkToNothing {
                path,
                name,
                target: target.to_owned(),
            };
        }
    }
    match files.has(REPOSITORIES) {
        true => Error::OldArchive { path },
        false => Error::NotAnImageArchive {
            path,
            sample: files.sample(),
        },
    }
}
