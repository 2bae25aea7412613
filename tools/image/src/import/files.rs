//! The files that an image is made of, by the names that they have in a layout or an archive.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::digest::Content;
use crate::error::Error;
use crate::layout::check_content;

/// Larger manifests and configs are refused by registries too. The index of an archive is bounded likewise.
const MAX_JSON: u64 = 16 << 20;

/// Looks files up.
pub(super) trait Files: Sync {
    /// What errors call a file.
    fn path(&self, name: &str) -> PathBuf;

    /// Opens a file. Nothing if it is not there.
    fn open(&self, name: &str) -> Result<Option<Opened<'_>>, Error>;

    /// Whether a file is there.
    fn has(&self, name: &str) -> bool;
}

/// A file that is read from its beginning.
pub(super) struct Opened<'a> {
    pub(super) reader: Box<dyn Read + Send + 'a>,
    /// The number of its bytes.
    pub(super) size: u64,
}

/// The files below a directory. They may be symlinks that lead elsewhere, as those of rules_oci are.
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Files for Directory {
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn open(&self, name: &str) -> Result<Option<Opened<'_>>, Error> {
        let path = self.path(name);
        let failed = |source| Error::io("open", &path, source);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(source)),
        };
        Ok(Some(Opened {
            size: file.metadata().map_err(failed)?.len(),
            reader: Box::new(file),
        }))
    }

    fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }
}

/// Reads a small file, which `what` names in messages.
pub(super) fn read_json(files: &impl Files, name: &str, what: &str) -> Result<Vec<u8>, Error> {
    let path = files.path(name);
    let Some(opened) = files.open(name)? else {
        return Err(Error::MissingFile {
            path,
            what: what.to_owned(),
        });
    };
    if opened.size > MAX_JSON {
        return Err(Error::TooLarge {
            path,
            what: what.to_owned(),
            size: opened.size,
            limit: MAX_JSON,
        });
    }
    let mut bytes = Vec::new();
    opened
        .reader
        .take(MAX_JSON)
        .read_to_end(&mut bytes)
        .map_err(|source| Error::io("read", &path, source))?;
    Ok(bytes)
}

/// Reads a small file and checks that it is what it should be.
pub(super) fn read_blob(
    files: &impl Files,
    name: &str,
    expected: Content,
    what: &str,
) -> Result<Vec<u8>, Error> {
    let path = files.path(name);
    if !files.has(name) {
        return Err(Error::MissingBlob {
            digest: expected.digest,
            what: what.to_owned(),
            path,
        });
    }
    let bytes = read_json(files, name, what)?;
    check_content(&path, what, expected, Content::of(&bytes))?;
    Ok(bytes)
}
