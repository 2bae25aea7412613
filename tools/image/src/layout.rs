//! OCI image layouts: directories with an image in them.
//!
//! See <https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md>.

mod index;
mod writer;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::{Content, Digest};
use crate::error::Error;
use crate::json;

pub(crate) use writer::write_metadata;
pub use writer::{write, write_from, write_index};

pub(crate) const MARKER: &str = "oci-layout";
pub(crate) const INDEX: &str = "index.json";
const VERSION: &str = "1.0.0";

/// A layout that is read. Its blobs may be symlinks that lead elsewhere, as those of rules_oci are.
#[derive(Clone, Debug)]
pub struct Layout {
    directory: PathBuf,
}

/// The content of the file that makes a directory, or a tar, a layout.
#[derive(Serialize, Deserialize)]
pub(crate) struct Marker {
    #[serde(rename = "imageLayoutVersion")]
    version: String,
}

impl Default for Marker {
    fn default() -> Self {
        Self {
            version: VERSION.to_owned(),
        }
    }
}

impl Layout {
    /// Opens a layout.
    ///
    /// # Errors
    /// If its `oci-layout` file is not there, or is of a version that is not known.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(MARKER);
        let bytes = fs::read(&path).map_err(|source| Error::io("read", &path, source))?;
        check_marker(&path, &bytes)?;
        Ok(Self {
            directory: directory.to_owned(),
        })
    }

    /// The file that a blob is in.
    pub fn blob_path(&self, digest: Digest) -> PathBuf {
        self.directory.join(blob_name(digest))
    }

    /// Opens a blob, which `what` names in messages. Its content is not checked.
    ///
    /// # Errors
    /// If the blob is missing or cannot be opened.
    pub fn open_blob(&self, digest: Digest, what: &str) -> Result<File, Error> {
        let path = self.blob_path(digest);
        File::open(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::MissingBlob {
                digest,
                what: what.to_owned(),
                path,
            },
            _ => Error::io("open", &path, source),
        })
    }
}

/// Checks that the file `path`, the marker of a layout, is of a version that is known.
pub(crate) fn check_marker(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let marker: Marker = json::parse(path, bytes)?;
    match marker.version == VERSION {
        true => Ok(()),
        false => Err(Error::LayoutVersion {
            path: path.to_owned(),
            found: marker.version,
        }),
    }
}

/// The path of a blob in a layout.
pub fn blob_name(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// Checks that a file has the content that it should have.
pub(crate) fn check_content(
    path: &Path,
    what: &str,
    expected: Content,
    found: Content,
) -> Result<(), Error> {
    match expected == found {
        true => Ok(()),
        false => Err(Error::WrongContent {
            path: path.to_owned(),
            what: what.to_owned(),
            expected: expected.digest,
            expected_size: expected.size,
            found: found.digest,
            found_size: found.size,
        }),
    }
}
