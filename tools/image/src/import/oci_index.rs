//! Images in the OCI layout: `index.json`, and the indexes and manifests that it refers to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::choice::{choose, Candidate, Wanted};
use super::files::{read_blob, read_json, Files};
use super::{ConfigPlatform, Found, LayerFile};
use crate::description::BlobDescription;
use crate::digest::{Content, Digest};
use crate::error::Error;
use crate::json;
use crate::layout::{blob_name, INDEX};
use crate::manifest::Manifest;
use crate::media_type;
use crate::platform::Platform;

/// The image's name in full, from containerd and so from Docker; and the name or tag, from the specification.
const NAMES: [&str; 2] = [
    "io.containerd.image.name",
    "org.opencontainers.image.ref.name",
];

#[derive(Deserialize)]
#[serde(expecting = "an image index: an object with `manifests`")]
struct Index {
    manifests: Vec<Reference>,
}

/// An element of an index.
#[derive(Clone, Debug, Deserialize)]
#[serde(expecting = "an object with `mediaType`, `digest` and `size`")]
struct Reference {
    #[serde(rename = "mediaType")]
    media_type: String,
    digest: Digest,
    size: u64,
    #[serde(default)]
    platform: Option<ConfigPlatform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

impl Reference {
    fn content(&self) -> Content {
        Content {
            digest: self.digest,
            size: self.size,
        }
    }

    /// BuildKit adds attestations, which look like images. See
    /// <https://github.com/moby/buildkit/blob/v0.16.0/docs/attestations/attestation-storage.md>.
    fn is_attestation(&self) -> bool {
        self.annotation("vnd.docker.reference.type") == Some("attestation-manifest")
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }

    fn names(&self) -> impl Iterator<Item = String> + '_ {
        let names = NAMES.iter().filter_map(|key| self.annotation(key));
        names.map(str::to_owned)
    }
}

/// Finds the image that is wanted.
pub(super) fn find<F: Files>(files: &F, wanted: &Wanted) -> Result<Found, Error> {
    let path = files.path(INDEX);
    let mut images = Images::new(files);
    images.add(&path, &read_json(files, INDEX, "the index")?, &[])?;
    let chosen = choose(&path, images.found, wanted, |image| platform(files, image))?;
    if !media_type::is_manifest(&chosen.media_type) {
        return Err(Error::WrongMediaType {
            path,
            what: "something",
            found: chosen.media_type,
            expected: "an image manifest or index of OCI, or of Docker's version 2, schema 2",
        });
    }
    let name = blob_name(chosen.digest);
    let bytes = read_blob(files, &name, chosen.content(), "an image manifest")?;
    image_of(files, files.path(&name), bytes)
}

fn image_of(files: &impl Files, path: PathBuf, bytes: Vec<u8>) -> Result<Found, Error> {
    let manifest = Manifest::parse(&path, &bytes)?;
    let config_name = blob_name(manifest.config.digest);
    let config = read_blob(
        files,
        &config_name,
        manifest.config.content(),
        "the image config",
    )?;
    for (index, layer) in manifest.layers.iter().enumerate() {
        media_type::check_layer(&path, index, &layer.media_type)?;
        let is_there = files.has(&blob_name(layer.digest));
        if !is_there && media_type::is_foreign(&layer.media_type) {
            return Err(Error::ForeignLayer {
                path,
                index,
                digest: layer.digest,
            });
        }
    }
    let layer_file = |layer| {
        let blob = BlobDescription::from(layer);
        LayerFile {
            name: blob_name(blob.digest),
            blob: Some(blob),
        }
    };
    Ok(Found {
        config,
        config_path: files.path(&config_name),
        config_blob: BlobDescription::from(&manifest.config),
        layers: manifest.layers.iter().map(layer_file).collect(),
        manifest: Some((path, bytes)),
    })
}

/// What an index does not tell of the platform, the config does.
fn platform(files: &impl Files, reference: &Reference) -> Result<Option<Platform>, Error> {
    if !media_type::is_manifest(&reference.media_type) {
        return Ok(None);
    }
    let name = blob_name(reference.digest);
    let bytes = read_blob(files, &name, reference.content(), "an image manifest")?;
    let config = Manifest::parse(&files.path(&name), &bytes)?.config;
    let name = blob_name(config.digest);
    if !files.has(&name) {
        return Ok(None);
    }
    let bytes = read_blob(files, &name, config.content(), "an image config")?;
    let platform: ConfigPlatform = json::parse(&files.path(&name), &bytes)?;
    Ok(Some(platform.into()))
}

/// The images that indexes refer to, each once.
struct Images<'a, F> {
    files: &'a F,
    found: Vec<Candidate<Reference>>,
    places: HashMap<Digest, usize>,
    /// The names that the images have.
    named: HashSet<(Digest, String)>,
    /// The indexes that were read, so that none is read twice, however they refer to each other.
    read: HashSet<Digest>,
}

impl<'a, F: Files> Images<'a, F> {
    fn new(files: &'a F) -> Self {
        Self {
            files,
            found: Vec::new(),
            places: HashMap::new(),
            named: HashSet::new(),
            read: HashSet::new(),
        }
    }

    /// Adds what an index refers to; its images have the names that it has itself.
    fn add(&mut self, path: &Path, bytes: &[u8], names: &[String]) -> Result<(), Error> {
        let index: Index = json::parse(path, bytes)?;
        let mut indexes: BTreeMap<Digest, (Reference, Vec<String>)> = BTreeMap::new();
        for reference in index.manifests {
            if reference.is_attestation() {
                continue;
            }
            let names: Vec<String> = names.iter().cloned().chain(reference.names()).collect();
            let is_index = media_type::is_index(&reference.media_type);
            if is_index && self.files.has(&blob_name(reference.digest)) {
                let entry = indexes.entry(reference.digest);
                let entry = entry.or_insert_with(|| (reference, Vec::new()));
                entry.1.extend(names);
            } else {
                self.add_image(reference, names);
            }
        }
        for (digest, (reference, names)) in indexes {
            if self.read.insert(digest) {
                let name = blob_name(digest);
                let bytes = read_blob(self.files, &name, reference.content(), "an image index")?;
                self.add(&self.files.path(&name), &bytes, &names)?;
            }
        }
        Ok(())
    }

    fn add_image(&mut self, reference: Reference, names: Vec<String>) {
        let digest = reference.digest;
        let place = *self.places.entry(digest).or_insert_with(|| {
            self.found.push(Candidate {
                id: reference.digest.to_string(),
                names: Vec::new(),
                platform: reference.platform.clone().map(Platform::from),
                is_there: self.files.has(&blob_name(reference.digest)),
                value: reference,
            });
            self.found.len() - 1
        });
        for name in names {
            if self.named.insert((digest, name.clone())) {
                self.found[place].names.push(name);
            }
        }
    }
}
