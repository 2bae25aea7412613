//! An image that is to be delivered, as files.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use stevedore_image::description::{ImageDescription, LayerDescription};
use stevedore_image::digest::Digest;

use crate::error::Error;
use crate::pulls::{Pulls, RemoteBlob};
use crate::runfiles::Runfiles;
use crate::source::{Layer, SourceError};
use crate::spec::{ImageSpec, LayerFileSpec};

/// How many layers are fetched at once.
const FETCHES: usize = 3;

/// An image that is to be delivered. Only its description is read before a destination asks for more.
#[derive(Clone, Debug)]
pub struct Image {
    spec: ImageSpec,
    runfiles: Runfiles,
    description: ImageDescription,
    pulls: Rc<Pulls>,
    /// The files of layers that were fetched, by their blobs' digests.
    fetched: RefCell<HashMap<Digest, PathBuf>>,
    /// The sizes of tars that the description does not tell, by their `diff_id`s.
    measured: RefCell<HashMap<Digest, u64>>,
}

/// Where a layer's bytes are.
enum Place {
    File { path: PathBuf, is_blob: bool },
    Registry(RemoteBlob),
}

impl Image {
    /// Reads the description of the image. Layers that are in no file are fetched by `pulls` when they are needed.
    ///
    /// # Errors
    /// If a file is missing, or the description cannot be used.
    pub fn open(spec: ImageSpec, runfiles: Runfiles, pulls: Rc<Pulls>) -> Result<Self, Error> {
        let path = find(&spec, &runfiles, &spec.description)?;
        let description = ImageDescription::load(&path).map_err(|source| Error::Description {
            label: spec.label.clone(),
            source: Box::new(source),
        })?;
        Ok(Self {
            spec,
            runfiles,
            description,
            pulls,
            fetched: RefCell::default(),
            measured: RefCell::default(),
        })
    }

    /// The image's target.
    pub fn label(&self) -> &str {
        &self.spec.label
    }

    /// What the image is.
    pub fn description(&self) -> &ImageDescription {
        &self.description
    }

    /// The digest of the config: the image's ID in an engine that does not go by manifests.
    pub fn id(&self) -> Digest {
        self.description.config.digest
    }

    /// Reads the config.
    ///
    /// # Errors
    /// If it is missing, or its digest is not the one in the description.
    pub fn read_config(&self) -> Result<Vec<u8>, Error> {
        let path = self.find(&self.spec.config)?;
        let config = fs::read(&path).map_err(|source| Error::ReadConfig {
            label: self.label().to_owned(),
            path: path.clone(),
            source,
        })?;
        let found = Digest::of(&config);
        if found == self.id() {
            return Ok(config);
        }
        Err(Error::ConfigDigest {
            label: self.label().to_owned(),
            path,
            expected: self.id(),
            found,
        })
    }

    /// The file that holds the layer at `index`, the bottom one being 0. It is fetched if it is in none yet.
    ///
    /// # Errors
    /// If there is none, and it cannot be fetched.
    ///
    /// # Panics
    /// If the image has no such layer.
    pub async fn layer(&self, index: usize) -> Result<Layer, Error> {
        let (path, is_blob) = match self.place(index)? {
            Place::File { path, is_blob } => (path, is_blob),
            Place::Registry(wanted) => (self.obtain(&wanted).await?, true),
        };
        let description = self.sized(index);
        // A blob with the digest of the tar is the tar, and needs no check of its own: see `LayerReader`.
        let blob = description.blob.clone().filter(|_| is_blob);
        let blob = blob.filter(|blob| blob.digest != description.diff_id);
        Ok(Layer {
            description,
            path,
            blob,
        })
    }

    /// The layers at `indices`, each with its file; several are fetched at once.
    ///
    /// # Errors
    /// As with [`Self::layer`].
    pub async fn layers(
        &self,
        indices: impl IntoIterator<Item = usize>,
    ) -> Result<Vec<(usize, Layer)>, Error> {
        let layers = indices.into_iter().map(|index| async move {
            let layer = self.layer(index).await?;
            Ok((index, layer))
        });
        stream::iter(layers).buffered(FETCHES).try_collect().await
    }

    /// Whether the layer at `index` is in no file on this machine, as far as is known: it would have to be fetched.
    pub fn is_remote(&self, index: usize) -> bool {
        matches!(self.place(index), Ok(Place::Registry(wanted))
            if !self.fetched.borrow().contains_key(&wanted.blob.digest))
    }

    /// All layers, with the sizes of their tars; those at `indices` are measured if their size is not known, which takes
    /// that they are fetched and inflated.
    ///
    /// # Errors
    /// If a layer cannot be had, or is not what its description says.
    pub async fn measured_layers(
        &self,
        indices: impl IntoIterator<Item = usize>,
    ) -> Result<Vec<LayerDescription>, Error> {
        let unknown = indices
            .into_iter()
            .filter(|index| self.sized(*index).size.is_none());
        for (_, layer) in self.layers(unknown).await? {
            let diff_id = layer.description.diff_id;
            let measured = tokio::task::spawn_blocking(move || layer.measure()).await;
            let measured = measured.map_err(|error| Error::Thread {
                label: self.label().to_owned(),
                source: std::io::Error::other(error),
            })?;
            let size = measured.map_err(|source| self.unusable(source))?;
            self.measured.borrow_mut().insert(diff_id, size);
        }
        let all = 0..self.description.layers.len();
        Ok(all.map(|index| self.sized(index)).collect())
    }

    /// The error for a layer that cannot be used. One that was fetched is forgotten, so that it is fetched again.
    pub(crate) fn unusable(&self, source: SourceError) -> Error {
        if source.is_about_content() {
            let mut fetched = self.fetched.borrow_mut();
            fetched.retain(|digest, path| {
                let is_other = path != source.path();
                if !is_other {
                    self.pulls.forget(*digest);
                }
                is_other
            });
        }
        Error::Source {
            label: self.label().to_owned(),
            source: Box::new(source),
        }
    }

    /// The layer's description, with its size if that was measured.
    fn sized(&self, index: usize) -> LayerDescription {
        let mut layer = self.description.layers[index].clone();
        let measured = self.measured.borrow();
        layer.size = layer.size.or_else(|| measured.get(&layer.diff_id).copied());
        layer
    }

    async fn obtain(&self, wanted: &RemoteBlob) -> Result<PathBuf, Error> {
        let digest = wanted.blob.digest;
        if let Some(path) = self.fetched.borrow().get(&digest) {
            return Ok(path.clone());
        }
        let path = self.pulls.obtain(wanted).await?;
        self.fetched.borrow_mut().insert(digest, path.clone());
        Ok(path)
    }

    fn place(&self, index: usize) -> Result<Place, Error> {
        let described = self.description.layers.len();
        let from_layout = described.checked_sub(self.spec.layers.len());
        match (from_layout, &self.spec.base_layout) {
            (Some(from_layout), _) if index >= from_layout => {
                let file = &self.spec.layers[index - from_layout];
                match file {
                    Some(LayerFileSpec::Tar(path)) => self.file(path, false),
                    Some(LayerFileSpec::Blob(path)) => self.file(path, true),
                    None => self.remote(index),
                }
            }
            (Some(_), Some(layout)) => match &self.description.layers[index].blob {
                Some(blob) => self.file(
                    &format!("{layout}/blobs/sha256/{}", blob.digest.hex()),
                    true,
                ),
                None => Err(self.no_blob(index)),
            },
            _ => Err(Error::LayerCount {
                label: self.label().to_owned(),
                described,
                files: self.spec.layers.len(),
            }),
        }
    }

    fn file(&self, path: &str, is_blob: bool) -> Result<Place, Error> {
        let path = self.find(path)?;
        Ok(Place::File { path, is_blob })
    }

    fn remote(&self, index: usize) -> Result<Place, Error> {
        let layer = &self.description.layers[index];
        let remote = RemoteBlob::of_layer(self.label(), layer);
        remote
            .map(Place::Registry)
            .ok_or_else(|| self.no_blob(index))
    }

    fn no_blob(&self, index: usize) -> Error {
        Error::NoBlob {
            label: self.label().to_owned(),
            index,
            diff_id: self.description.layers[index].diff_id,
        }
    }

    fn find(&self, path: &str) -> Result<PathBuf, Error> {
        find(&self.spec, &self.runfiles, path)
    }
}

fn find(spec: &ImageSpec, runfiles: &Runfiles, path: &str) -> Result<PathBuf, Error> {
    runfiles.find(path).map_err(|source| Error::Runfiles {
        label: spec.label.clone(),
        source,
    })
}
