//! What has a manifest: an image or an index, as files.

use std::fs;
use std::rc::Rc;

use bytes::Bytes;
use stevedore_image::description::{BlobDescription, ImageDescription, LayerDescription};
use stevedore_image::digest::{Content, Digest};
use stevedore_image::manifest::Manifest;
use stevedore_image::media_type;
use stevedore_image::repository::Repository;

use super::blob_file::{BlobFile, BlobPlace};
use crate::error::Error;
use crate::pulls::{Pulls, RemoteBlob};
use crate::runfiles::Runfiles;
use crate::spec::{ContentSpec, IndexSpec, PushedImageSpec};

/// An image or an index that is to be pushed. Only its manifest and description are read before a registry asks for more.
#[derive(Debug)]
pub struct Artifact {
    label: String,
    digest: Digest,
    media_type: &'static str,
    manifest: Bytes,
    kind: Kind,
}

/// What a manifest is one of.
#[derive(Debug)]
pub enum Kind {
    /// An image.
    Image {
        /// Its config: the image's ID in an engine.
        config: Digest,
        /// The config's blob, then the layers', the bottom one first.
        blobs: Vec<BlobFile>,
    },
    /// An index, and its images.
    Index(Vec<Artifact>),
}

impl Artifact {
    /// Reads the manifests. Layers that are in no file are fetched by `pulls` if a registry lacks them.
    ///
    /// # Errors
    /// If a file is missing or cannot be used.
    pub fn open(spec: &ContentSpec, runfiles: &Runfiles, pulls: &Rc<Pulls>) -> Result<Self, Error> {
        match spec {
            ContentSpec::Image(spec) => Self::image(spec, runfiles, pulls),
            ContentSpec::Index(spec) => Self::index(spec, runfiles, pulls),
        }
    }

    /// The target.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The digest of the manifest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What it is.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The manifest.
    pub(crate) fn manifest(&self) -> (&'static str, &Bytes) {
        (self.media_type, &self.manifest)
    }

    /// The images of an index; none of an image.
    pub(crate) fn children(&self) -> &[Self] {
        match &self.kind {
            Kind::Image { .. } => &[],
            Kind::Index(children) => children,
        }
    }

    /// The blobs of an image, and none of an index: those are its images'.
    pub(crate) fn own_blobs(&self) -> &[BlobFile] {
        match &self.kind {
            Kind::Image { blobs, .. } => blobs,
            Kind::Index(_) => &[],
        }
    }

    /// The blobs of an image, or of all images of an index.
    pub(crate) fn all_blobs(&self) -> impl Iterator<Item = &BlobFile> {
        let children = self.children().iter().flat_map(Self::own_blobs);
        self.own_blobs().iter().chain(children)
    }

    fn image(
        spec: &PushedImageSpec,
        runfiles: &Runfiles,
        pulls: &Rc<Pulls>,
    ) -> Result<Self, Error> {
        let bytes = read(&spec.label, &spec.manifest, runfiles)?;
        let path = find(&spec.label, &spec.description, runfiles)?;
        let unusable = |source| Error::Description {
            label: spec.label.clone(),
            source: Box::new(source),
        };
        let manifest = Manifest::parse(spec.manifest.as_ref(), &bytes).map_err(unusable)?;
        let description = ImageDescription::load(&path).map_err(unusable)?;
        let blobs = Files {
            spec,
            runfiles,
            pulls,
            manifest: &manifest,
            description: &description,
        };
        Ok(Self {
            label: spec.label.clone(),
            digest: Digest::of(&bytes),
            media_type: manifest.media_type(),
            kind: Kind::Image {
                config: manifest.config.digest,
                blobs: blobs.all()?,
            },
            manifest: bytes,
        })
    }

    fn index(spec: &IndexSpec, runfiles: &Runfiles, pulls: &Rc<Pulls>) -> Result<Self, Error> {
        let bytes = read(&spec.label, &spec.manifest, runfiles)?;
        let images = spec.images.iter();
        let images = images.map(|image| Self::image(image, runfiles, pulls));
        let images = images.collect::<Result<Vec<_>, _>>()?;
        let text = String::from_utf8_lossy(&bytes);
        let is_named = |image: &&Self| text.contains(&image.digest.to_string());
        if let Some(image) = images.iter().find(|image| !is_named(image)) {
            return Err(Error::NotInIndex {
                index: spec.label.clone(),
                image: image.label.clone(),
                digest: image.digest,
            });
        }
        Ok(Self {
            label: spec.label.clone(),
            digest: Digest::of(&bytes),
            media_type: media_type::OCI_INDEX,
            kind: Kind::Index(images),
            manifest: bytes,
        })
    }
}

/// Where the blobs of an image are.
struct Files<'a> {
    spec: &'a PushedImageSpec,
    runfiles: &'a Runfiles,
    pulls: &'a Rc<Pulls>,
    manifest: &'a Manifest,
    description: &'a ImageDescription,
}

impl Files<'_> {
    fn all(&self) -> Result<Vec<BlobFile>, Error> {
        let Self { spec, manifest, .. } = self;
        let count = manifest.layers.len();
        let from_layout = count.checked_sub(spec.blobs.len());
        let from_layout = from_layout.filter(|number| *number == 0 || spec.base_layout.is_some());
        let (Some(from_layout), true) = (from_layout, self.description.layers.len() == count)
        else {
            return Err(Error::LayerCount {
                label: spec.label.clone(),
                described: self.description.layers.len(),
                files: spec.blobs.len(),
            });
        };
        let layout = spec.base_layout.as_deref().unwrap_or_default();
        let config = BlobPlace::Runfile(spec.config.clone());
        let config = self.blob(config, (&manifest.config).into(), None);
        let layers = manifest
            .layers
            .iter()
            .zip(&self.description.layers)
            .enumerate();
        let layers = layers.filter(|(_, (blob, _))| !media_type::is_foreign(&blob.media_type));
        let layers = layers.map(|(index, (blob, layer))| {
            let path = match index.checked_sub(from_layout) {
                Some(upper) => spec.blobs[upper].clone(),
                None => Some(format!("{layout}/blobs/sha256/{}", blob.digest.hex())),
            };
            let place = match path {
                Some(path) => BlobPlace::Runfile(path),
                None => self.remote(index, layer)?,
            };
            Ok(self.blob(place, blob.into(), Some(layer)))
        });
        std::iter::once(Ok(config)).chain(layers).collect()
    }

    fn remote(&self, index: usize, layer: &LayerDescription) -> Result<BlobPlace, Error> {
        let remote = RemoteBlob::of_layer(&self.spec.label, layer);
        let remote = remote.ok_or_else(|| Error::NoBlob {
            label: self.spec.label.clone(),
            index,
            diff_id: layer.diff_id,
        })?;
        Ok(BlobPlace::Registry(remote, Rc::clone(self.pulls)))
    }

    fn blob(
        &self,
        place: BlobPlace,
        blob: BlobDescription,
        layer: Option<&LayerDescription>,
    ) -> BlobFile {
        let repository: Option<Repository> = layer.and_then(|layer| layer.repository.clone());
        BlobFile::new(
            self.runfiles.clone(),
            &self.spec.label,
            place,
            blob,
            layer.is_some(),
            repository,
        )
    }
}

fn find(label: &str, path: &str, runfiles: &Runfiles) -> Result<std::path::PathBuf, Error> {
    runfiles.find(path).map_err(|source| Error::Runfiles {
        label: label.to_owned(),
        source,
    })
}

fn read(label: &str, path: &str, runfiles: &Runfiles) -> Result<Bytes, Error> {
    let path = find(label, path, runfiles)?;
    let bytes = fs::read(&path).map_err(|source| Error::ReadManifest {
        label: label.to_owned(),
        path,
        source,
    })?;
    Ok(bytes.into())
}

impl BlobFile {
    /// Digest and size.
    pub(crate) fn content(&self) -> Content {
        self.blob().content()
    }
}
