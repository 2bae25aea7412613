//! The files of an image: from the layout of its base, and from the targets above it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::compression::Decompressor;
use crate::description::{ImageDescription, LayerDescription, Platform};
use crate::digest::{Content, Digest, Hasher};
use crate::error::Error;
use crate::json;
use crate::layout::{check_content, Layout};
use crate::manifest::{Descriptor, Manifest};
use crate::threaded_writer::ThreadedWriter;

const BUFFER: usize = 512 << 10;

/// Where the bytes of an image are. Lower layers come from the layout of its base; the layers above that are files.
#[derive(Clone, Debug, Default)]
pub struct ImageFiles {
    /// The layout of the base.
    pub base_layout: Option<PathBuf>,
    /// The uncompressed tars of the upper layers, if they are needed.
    pub tars: Vec<PathBuf>,
    /// The blobs of the upper layers, if they are needed.
    pub blobs: Vec<PathBuf>,
    manifest_path: PathBuf,
    manifest: Vec<u8>,
    config_path: PathBuf,
    config: Vec<u8>,
    description_path: PathBuf,
    description: Option<ImageDescription>,
}

impl ImageFiles {
    /// An image with a config.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn load(config: &Path) -> Result<Self, Error> {
        Ok(Self {
            config: fs::read(config).map_err(|source| Error::io("read", config, source))?,
            config_path: config.to_owned(),
            ..Self::default()
        })
    }

    /// Adds the manifest, which must be one of the config.
    ///
    /// # Errors
    /// If the file cannot be read, is not a manifest, or is one of another config.
    pub fn with_manifest(mut self, path: &Path) -> Result<Self, Error> {
        self.manifest = fs::read(path).map_err(|source| Error::io("read", path, source))?;
        self.manifest_path = path.to_owned();
        let manifest = self.manifest()?;
        self.check_config(manifest.config.content(), path)?;
        Ok(self)
    }

    /// Adds the description, which must be one of the config.
    ///
    /// # Errors
    /// If the file cannot be read, is not a description, or is one of another config.
    pub fn with_description(mut self, path: &Path) -> Result<Self, Error> {
        let description = ImageDescription::load(path)?;
        self.check_config(description.config.content(), path)?;
        self.description_path = path.to_owned();
        self.description = Some(description);
        Ok(self)
    }

    fn check_config(&self, expected: Content, source: &Path) -> Result<(), Error> {
        let what = format!("the config of `{}`", source.display());
        check_content(
            &self.config_path,
            &what,
            expected,
            Content::of(&self.config),
        )
    }

    /// The bytes of the config.
    pub fn config_bytes(&self) -> &[u8] {
        &self.config
    }

    /// The bytes of the manifest.
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest
    }

    /// The manifest.
    ///
    /// # Errors
    /// If it is not a manifest.
    pub fn manifest(&self) -> Result<Manifest, Error> {
        Manifest::parse(&self.manifest_path, &self.manifest)
    }

    /// The layers, from the bottom up, as the description tells; none if there is no description.
    pub fn layers(&self) -> &[LayerDescription] {
        self.description
            .as_ref()
            .map_or(&[], |description| &description.layers)
    }

    /// The layers as [`Self::layers`] has them, each with its size: that of its tar's file where the description does not
    /// tell it, because the layer was fetched after the description was made.
    ///
    /// # Errors
    /// If the file is missing.
    pub fn sized_layers(&self) -> Result<Vec<LayerDescription>, Error> {
        let mut layers = self.layers().to_vec();
        let total = layers.len();
        for (index, layer) in layers.iter_mut().enumerate() {
            if layer.size.is_some() {
                continue;
            }
            if let Place::File(path) =
                self.place(index, total, &self.tars, &self.description_path)?
            {
                let file = fs::metadata(path).map_err(|source| Error::io("read", path, source))?;
                layer.size = Some(file.len());
            }
        }
        Ok(layers)
    }

    /// What the image runs on, as the config has it.
    ///
    /// # Errors
    /// If the config does not tell it.
    pub fn platform(&self) -> Result<Platform, Error> {
        /// Other fields are of no interest.
        #[derive(serde::Deserialize)]
        struct Config {
            os: String,
            architecture: String,
            variant: Option<String>,
        }
        let config: Config = json::parse(&self.config_path, &self.config)?;
        Ok(Platform {
            os: config.os,
            architecture: config.architecture,
            variant: config.variant,
        })
    }

    /// Copies the uncompressed tar of a layer, the bottom one being 0, to the file `destination`.
    ///
    /// # Errors
    /// If the layer is missing or is not what the description tells, or the writer fails.
    pub fn copy_tar(
        &self,
        index: usize,
        destination: &Path,
        writer: &mut impl Write,
    ) -> Result<(), Error> {
        let layers = self.layers();
        let layer = &layers[index];
        let what = format!("layer {index}");
        let expected = (layer.diff_id, layer.size);
        match self.place(index, layers.len(), &self.tars, &self.description_path)? {
            Place::File(path) => {
                let file = File::open(path).map_err(|source| Error::io("open", path, source))?;
                copy(path, file, &what, expected, destination, writer)
            }
            Place::Base(layout) => {
                let digest = stored_digest(layer);
                let path = layout.blob_path(digest);
                let plain = Decompressor::new(layout.open_blob(digest, &what)?)
                    .map_err(|source| Error::io("read", &path, source))?;
                copy(&path, plain, &what, expected, destination, writer)
            }
        }
    }

    /// Opens what has the tar of a layer, the bottom one being 0: it may be compressed.
    pub(crate) fn open_layer(&self, index: usize) -> Result<(PathBuf, File), Error> {
        let layers = self.layers();
        match self.place(index, layers.len(), &self.tars, &self.description_path)? {
            Place::File(path) => {
                let file = File::open(path).map_err(|source| Error::io("open", path, source))?;
                Ok((path.to_owned(), file))
            }
            Place::Base(layout) => {
                let digest = stored_digest(&layers[index]);
                let file = layout.open_blob(digest, &format!("layer {index}"))?;
                Ok((layout.blob_path(digest), file))
            }
        }
    }

    /// Copies the blob of a layer, the bottom one being 0, to the file `destination`.
    ///
    /// # Errors
    /// If the blob is missing or is not what the manifest tells, or the writer fails.
    pub fn copy_blob(
        &self,
        index: usize,
        destination: &Path,
        writer: &mut impl Write,
    ) -> Result<(), Error> {
        let layers = self.manifest()?.layers;
        let (path, file, layer) = self.blob(index, &layers)?;
        let what = format!("the blob of layer {index}");
        let expected = (layer.digest, Some(layer.size));
        copy(&path, file, &what, expected, destination, writer)
    }

    /// The first bytes of a layer's blob, which tell its compression.
    pub(crate) fn start_of_blob(&self, index: usize) -> Result<Vec<u8>, Error> {
        let layers = self.manifest()?.layers;
        let (path, file, _) = self.blob(index, &layers)?;
        let mut start = Vec::new();
        file.take(4)
            .read_to_end(&mut start)
            .map_err(|source| Error::io("read", &path, source))?;
        Ok(start)
    }

    fn blob<'a>(
        &self,
        index: usize,
        layers: &'a [Descriptor],
    ) -> Result<(PathBuf, File, &'a Descriptor), Error> {
        let layer = &layers[index];
        match self.place(index, layers.len(), &self.blobs, &self.manifest_path)? {
            Place::File(path) => {
                let file = File::open(path).map_err(|source| Error::io("open", path, source))?;
                Ok((path.to_owned(), file, layer))
            }
            Place::Base(layout) => {
                let file = layout.open_blob(layer.digest, &format!("layer {index}"))?;
                Ok((layout.blob_path(layer.digest), file, layer))
            }
        }
    }

    /// Where a layer is to be found, if `total` layers are known and `files` are the upper ones.
    fn place<'a>(
        &self,
        index: usize,
        total: usize,
        files: &'a [PathBuf],
        described_by: &Path,
    ) -> Result<Place<'a>, Error> {
        let Some(lower) = total.checked_sub(files.len()) else {
            return Err(Error::LayerCount {
                first: format!("`{}`", described_by.display()),
                first_count: total,
                second: "what was given".to_owned(),
                second_count: files.len(),
            });
        };
        match (index.checked_sub(lower), &self.base_layout) {
            (Some(index), _) => Ok(Place::File(&files[index])),
            (None, Some(directory)) => Ok(Place::Base(Layout::open(directory)?)),
            (None, None) => Err(Error::NoBaseLayout { missing: lower }),
        }
    }
}

/// The digest under which a layout has a layer.
fn stored_digest(layer: &LayerDescription) -> Digest {
    layer
        .blob
        .as_ref()
        .map_or(layer.diff_id, |blob| blob.digest)
}

enum Place<'a> {
    File(&'a Path),
    Base(Layout),
}

/// Copies while another thread hashes, and then checks what was copied: its digest, and its size if that is known.
fn copy(
    path: &Path,
    mut reader: impl Read,
    what: &str,
    (digest, size): (Digest, Option<u64>),
    destination: &Path,
    writer: &mut impl Write,
) -> Result<(), Error> {
    let start = |source| Error::Start {
        what: "the thread that hashes a layer",
        source,
    };
    let mut hasher = ThreadedWriter::new(Hasher::new()).map_err(start)?;
    let mut buffer = vec![0; BUFFER];
    loop {
        let bytes = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => &buffer[..count],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(Error::io("read", path, source)),
        };
        writer
            .write_all(bytes)
            .map_err(|source| Error::io("write", destination, source))?;
        hasher.write_all(bytes).map_err(start)?;
    }
    let found = hasher.finish().map_err(start)?.finish();
    let size = size.unwrap_or(found.size);
    check_content(path, what, Content { digest, size }, found)
}
