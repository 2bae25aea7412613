//! Image indexes in layouts that are written.

use std::path::Path;

use serde::Deserialize;

use crate::digest::Digest;
use crate::error::Error;
use crate::json;

#[derive(Deserialize)]
#[serde(expecting = "an image index: an object with `manifests`")]
struct Index {
    manifests: Vec<Reference>,
}

/// An element of an index.
#[derive(Deserialize)]
#[serde(expecting = "an object with `digest`")]
struct Reference {
    digest: Digest,
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
