//! Image indexes in layouts: lists of images, of which an import takes the only one.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::digest::{Content, Digest};
use crate::error::Error;
use crate::json;
use crate::media_type;

#[derive(Deserialize)]
#[serde(expecting = "an image index: an object with `manifests`")]
struct Index {
    manifests: Vec<Reference>,
}

/// An element of an index.
#[derive(Clone, Debug, Deserialize)]
#[serde(expecting = "an object with `mediaType`, `digest` and `size`")]
pub(super) struct Reference {
    #[serde(rename = "mediaType")]
    media_type: String,
    pub(super) digest: Digest,
    size: u64,
    #[serde(default)]
    platform: Option<Platform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(expecting = "a platform: an object with `os` and `architecture`")]
struct Platform {
    os: String,
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

impl Reference {
    pub(super) fn content(&self) -> Content {
        Content {
            digest: self.digest,
            size: self.size,
        }
    }

    pub(super) fn is_index(&self) -> bool {
        media_type::is_index(&self.media_type)
    }

    /// The word for it in a message.
    pub(super) fn noun(&self) -> &'static str {
        match self.is_index() {
            true => "an image index",
            false => "an image manifest",
        }
    }

    /// BuildKit adds attestations, which look like images. See
    /// <https://github.com/moby/buildkit/blob/v0.16.0/docs/attestations/attestation-storage.md>.
    fn is_attestation(&self) -> bool {
        self.annotations
            .as_ref()
            .and_then(|annotations| annotations.get("vnd.docker.reference.type"))
            .is_some_and(|kind| kind == "attestation-manifest")
    }

    fn describe(&self) -> String {
        match &self.platform {
            Some(platform) => {
                let variant = platform.variant.iter().map(String::as_str);
                let parts = [platform.os.as_str(), &platform.architecture];
                let parts: Vec<&str> = parts.into_iter().chain(variant).collect();
                parts.join("/")
            }
            None => self.digest.to_string(),
        }
    }
}

/// Checks that an index, which is the file `path`, refers to exactly these manifests.
pub(super) fn check_images(path: &Path, bytes: &[u8], expected: &[Digest]) -> Result<(), Error> {
    let index: Index = json::parse(path, bytes)?;
    let found: Vec<Digest> = index.manifests.iter().map(|image| image.digest).collect();
    let shown = |digests: &[Digest]| {
        let texts: Vec<String> = digests.iter().map(|digest| format!("`{digest}`")).collect();
        texts.join(", ")
    };
    match found == expected {
        true => Ok(()),
        false => Err(Error::NotOneImage {
            path: path.to_owned(),
            found: format!("the images {}, not {}", shown(&found), shown(expected)),
            remedy: "make the index of these images",
        }),
    }
}

/// The one image, or the one index, that an index refers to.
pub(super) fn only_image(path: &Path, bytes: &[u8]) -> Result<Reference, Error> {
    let index: Index = json::parse(path, bytes)?;
    let images: Vec<Reference> = index
        .manifests
        .into_iter()
        .filter(|reference| !reference.is_attestation())
        .collect();
    let [image] = &images[..] else {
        let names: Vec<String> = images.iter().map(Reference::describe).collect();
        return Err(Error::NotOneImage {
            path: path.to_owned(),
            found: match names.len() {
                0 => "no image".to_owned(),
                count => format!("{count} images ({})", names.join(", ")),
            },
            remedy: "make a layout with exactly one, for one platform",
        });
    };
    match image.is_index() || media_type::is_manifest(&image.media_type) {
        true => Ok(image.clone()),
        false => Err(Error::WrongMediaType {
            path: path.to_owned(),
            what: "something",
            found: image.media_type.clone(),
            expected: "an image manifest or index of OCI, or of Docker's version 2, schema 2",
        }),
    }
}
