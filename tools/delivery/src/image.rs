//! An image that is to be delivered, as files.

use std::fs;
use std::path::PathBuf;

use stevedore_image::description::ImageDescription;
use stevedore_image::digest::Digest;

use crate::error::Error;
use crate::runfiles::Runfiles;
use crate::source::Layer;
use crate::spec::ImageSpec;

/// An image that is to be delivered. Only its description is read before a destination asks for more.
#[derive(Clone, Debug)]
pub struct Image {
    spec: ImageSpec,
    runfiles: Runfiles,
    description: ImageDescription,
}

impl Image {
    /// Reads the description of the image.
    ///
    /// # Errors
    /// If a file is missing, or the description cannot be used.
    pub fn open(spec: ImageSpec, runfiles: Runfiles) -> Result<Self, Error> {
        let path = find(&spec, &runfiles, &spec.description)?;
        let description = ImageDescription::load(&path).map_err(|source| Error::Description {
            label: spec.label.clone(),
            source: Box::new(source),
        })?;
        Ok(Self {
            spec,
            runfiles,
            description,
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

    /// Finds the file that holds the layer at `index`, the bottom one being 0.
    ///
    /// # Errors
    /// If there is none.
    ///
    /// # Panics
    /// If the image has no such layer.
    pub fn layer(&self, index: usize) -> Result<Layer, Error> {
        let description = self.description.layers[index].clone();
        let described = self.description.layers.len();
        let from_layout = described.checked_sub(self.spec.layers.len());
        match (from_layout, &self.spec.base_layout) {
            (Some(from_layout), _) if index >= from_layout => {
                let path = self.find(&self.spec.layers[index - from_layout])?;
                Ok(Layer {
                    description,
                    path,
                    blob: None,
                })
            }
            (Some(_), Some(layout)) => self.layer_of_layout(index, layout),
            _ => Err(Error::LayerCount {
                label: self.label().to_owned(),
                described,
                files: self.spec.layers.len(),
            }),
        }
    }

    fn layer_of_layout(&self, index: usize, layout: &str) -> Result<Layer, Error> {
        let description = self.description.layers[index].clone();
        let Some(blob) = description.blob.clone() else {
            return Err(Error::NoBlob {
                label: self.label().to_owned(),
                index,
                diff_id: description.diff_id,
            });
        };
        let path = self.find(&format!("{layout}/blobs/sha256/{}", blob.digest.hex()))?;
        // A blob with the digest of the tar is the tar, and needs no check of its own: see `LayerReader`.
        let blob = (blob.digest != description.diff_id).then_some(blob);
        Ok(Layer {
            description,
            path,
            blob,
        })
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
