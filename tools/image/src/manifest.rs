//! Image manifests: the config and the layers' blobs of an image.
//!
//! See <https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md>. A base's manifest is edited as the JSON
//! that it is, so that its layers' annotations and URLs stay.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::description::BlobDescription;
use crate::digest::{Content, Digest};
use crate::error::Error;
use crate::json;
use crate::media_type;
use crate::status::Status;

/// What an image's attributes say about its manifest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestSpec {
    /// The image's target.
    pub label: String,
    /// Added to those of the base.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

impl ManifestSpec {
    /// Replaces the placeholders in the values of annotations.
    ///
    /// # Errors
    /// If a placeholder is not known.
    pub fn stamp(&mut self, status: &Status) -> Result<(), Error> {
        for value in self.annotations.values_mut() {
            *value = status.fill_in(value)?;
        }
        Ok(())
    }
}

/// Makes the manifest of an image whose config has the content `config`. `blobs` are those of the layers above the
/// base, from the bottom up.
///
/// The manifest of a base of Docker's type stays of that type, and the new layers get Docker's media types.
///
/// # Errors
/// If the base's manifest cannot be read, or is not an image manifest.
pub fn assemble(
    spec: &ManifestSpec,
    config: Content,
    base: Option<&Path>,
    blobs: &[BlobDescription],
) -> Result<Vec<u8>, Error> {
    let mut manifest = match base {
        Some(path) => Base::load(path)?,
        None => Base::none(),
    };
    for blob in blobs {
        let mut blob = blob.clone();
        if manifest.is_docker {
            blob.media_type = media_type::docker_layer(&blob.media_type).to_owned();
        }
        manifest.layers.push(to_value(&blob)?);
    }
    for (key, value) in &spec.annotations {
        manifest
            .annotations
            .insert(key.clone(), value.clone().into());
    }
    manifest.into_bytes(config)
}

/// What annotations that tell of the base begin with.
/// See <https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md>.
const ABOUT_BASE: &str = "org.opencontainers.image.base.";

/// Makes the manifest of an image that gets another base under its layers, and whose config then has the content `config`:
/// the manifest of `new_base`, with the layers and annotations that `image` has and `old_base` has not.
///
/// # Errors
/// If a file cannot be read or is not an image manifest, or `image` has fewer layers than `old_base`.
pub fn rebase(
    image: &Path,
    old_base: &Path,
    new_base: &Path,
    config: Content,
) -> Result<Vec<u8>, Error> {
    let mut own = Base::load(image)?;
    let old = Base::load(old_base)?;
    let mut manifest = Base::load(new_base)?;
    if own.layers.len() < old.layers.len() {
        return Err(Error::LayerCount {
            first: format!("`{}`", image.display()),
            first_count: own.layers.len(),
            second: format!("`{}`", old_base.display()),
            second_count: old.layers.len(),
        });
    }
    for mut layer in own.layers.split_off(old.layers.len()) {
        if let Some(Value::String(media_type)) = layer.get_mut("mediaType") {
            *media_type = match manifest.is_docker {
                true => media_type::docker_layer(media_type).to_owned(),
                false => media_type::oci_from_docker_layer(media_type).to_owned(),
            };
        }
        manifest.layers.push(layer);
    }
    let is_own = |(key, value): &(String, Value)| {
        !key.starts_with(ABOUT_BASE) && old.annotations.get(key) != Some(value)
    };
    manifest
        .annotations
        .extend(own.annotations.into_iter().filter(is_own));
    manifest.into_bytes(config)
}

/// A base's manifest, taken apart.
struct Base {
    root: Map<String, Value>,
    is_docker: bool,
    config_type: String,
    layers: Vec<Value>,
    annotations: Map<String, Value>,
}

impl Base {
    fn none() -> Self {
        let mut root = Map::new();
        root.insert("schemaVersion".to_owned(), 2.into());
        root.insert("mediaType".to_owned(), media_type::OCI_MANIFEST.into());
        Self {
            root,
            is_docker: false,
            config_type: media_type::OCI_CONFIG.to_owned(),
            layers: Vec::new(),
            annotations: Map::new(),
        }
    }

    fn load(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|source| Error::io("read", path, source))?;
        let parsed = Manifest::parse(path, &bytes)?;
        let mut root: Map<String, Value> = json::parse(path, &bytes)?;
        // What the base refers to, the image made of it does not.
        root.shift_remove("subject");
        let layers = match root.get_mut("layers").map(Value::take) {
            Some(Value::Array(layers)) => layers,
            _ => Vec::new(),
        };
        let annotations = match root.get_mut("annotations").map(Value::take) {
            Some(Value::Object(annotations)) => annotations,
            _ => {
                root.shift_remove("annotations");
                Map::new()
            }
        };
        Ok(Self {
            root,
            is_docker: parsed.is_docker(),
            config_type: parsed.config.media_type,
            layers,
            annotations,
        })
    }
}

impl Base {
    /// Puts it together again, with another config.
    fn into_bytes(self, config: Content) -> Result<Vec<u8>, Error> {
        let config = BlobDescription::new(&self.config_type, config);
        let mut root = self.root;
        root.insert("config".to_owned(), to_value(&config)?);
        root.insert("layers".to_owned(), self.layers.into());
        if !self.annotations.is_empty() {
            root.insert("annotations".to_owned(), self.annotations.into());
        }
        json::to_bytes(&root)
    }
}

fn to_value(blob: &BlobDescription) -> Result<Value, Error> {
    serde_json::to_value(blob).map_err(Error::Serialize)
}

/// The parts of a manifest that this project reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(expecting = "an image manifest: an object with `config` and `layers`")]
pub struct Manifest {
    /// The manifest's own media type; an OCI manifest may leave it out.
    #[serde(rename = "mediaType", default)]
    pub media_type: Option<String>,
    /// The config.
    pub config: Descriptor,
    /// The layers, the bottom one first.
    pub layers: Vec<Descriptor>,
}

/// A reference to a blob or to another manifest.
#[derive(Clone, Debug, Deserialize)]
#[serde(expecting = "an object with `mediaType`, `digest` and `size`")]
pub struct Descriptor {
    /// What it is.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// The number of its bytes.
    pub size: u64,
}

impl Manifest {
    /// Parses the content of the file `path`.
    ///
    /// # Errors
    /// If it is not an image manifest, of OCI or of Docker's version 2, schema 2.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        /// What the first version has, and no later one.
        #[derive(Deserialize)]
        struct SchemaOne {
            #[serde(rename = "fsLayers")]
            _layers: Vec<serde::de::IgnoredAny>,
        }
        let manifest: Self =
            json::parse(path, bytes).map_err(|error| {
                match serde_json::from_slice::<SchemaOne>(bytes) {
                    Ok(_) => Error::SchemaOne {
                        path: path.to_owned(),
                    },
                    Err(_) => error,
                }
            })?;
        match &manifest.media_type {
            Some(media_type) if !media_type::is_manifest(media_type) => {
                Err(Error::WrongMediaType {
                    path: path.to_owned(),
                    what: "itself",
                    found: media_type.clone(),
                    expected: "an image manifest of OCI, or of Docker's version 2, schema 2",
                })
            }
            _ => Ok(manifest),
        }
    }

    /// Reads a manifest file.
    ///
    /// # Errors
    /// If it cannot be read, or is not an image manifest.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|source| Error::io("read", path, source))?;
        Self::parse(path, &bytes)
    }

    /// The manifest's media type, also if it leaves it out.
    pub fn media_type(&self) -> &'static str {
        match self.is_docker() {
            true => media_type::DOCKER_MANIFEST,
            false => media_type::OCI_MANIFEST,
        }
    }

    fn is_docker(&self) -> bool {
        self.media_type.as_deref() == Some(media_type::DOCKER_MANIFEST)
    }
}

impl Descriptor {
    /// The digest and size alone.
    pub fn content(&self) -> Content {
        Content {
            digest: self.digest,
            size: self.size,
        }
    }
}

impl From<&Descriptor> for BlobDescription {
    fn from(descriptor: &Descriptor) -> Self {
        Self::new(&descriptor.media_type, descriptor.content())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
