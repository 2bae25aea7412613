//! A blob that may have to be sent, and the file that has it.

use std::cell::RefCell;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use futures_util::StreamExt as _;
use stevedore_image::description::{BlobDescription, LayerDescription};
use stevedore_image::repository::Repository;
use stevedore_registry::{BlobSource, BlobStream};

use crate::event::{Event, Observer};
use crate::runfiles::Runfiles;
use crate::source::{Checking, Form, Layer};
use crate::upload::{read_blob, Pieces};

/// A blob of an image, by its runfiles path: whether the file is there is known when it is needed.
#[derive(Clone, Debug)]
pub struct BlobFile {
    runfiles: Runfiles,
    label: String,
    path: String,
    blob: BlobDescription,
    is_layer: bool,
    repository: Option<Repository>,
}

impl BlobFile {
    pub(super) fn new(
        runfiles: Runfiles,
        label: &str,
        path: &str,
        blob: BlobDescription,
        is_layer: bool,
        repository: Option<Repository>,
    ) -> Self {
        Self {
            runfiles,
            label: label.to_owned(),
            path: path.to_owned(),
            blob,
            is_layer,
            repository,
        }
    }

    /// What the blob is.
    pub(crate) fn blob(&self) -> &BlobDescription {
        &self.blob
    }

    /// The target of the image that has it.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Whether it is a layer; otherwise it is a config.
    pub(crate) fn is_layer(&self) -> bool {
        self.is_layer
    }

    /// The repository that it was pulled from.
    pub(crate) fn repository(&self) -> Option<&Repository> {
        self.repository.as_ref()
    }

    /// What reads it, and tells `observer` how far that is.
    pub(crate) fn reader<'a>(&'a self, observer: &'a Observer) -> impl BlobSource + use<'a> {
        Reader {
            file: self,
            observer,
            told: RefCell::default(),
        }
    }

    fn layer(&self) -> io::Result<Layer> {
        Ok(Layer {
            description: LayerDescription::new(self.content()),
            path: self.runfiles.find(&self.path).map_err(io::Error::other)?,
            blob: Some(self.blob.clone()),
        })
    }
}

struct Reader<'a> {
    file: &'a BlobFile,
    observer: &'a Observer,
    /// Bytes that were told as sent, by the attempt that is under way; the attempt may fail.
    told: RefCell<Option<Arc<AtomicU64>>>,
}

impl Reader<'_> {
    /// Takes back what an attempt has told, beyond `offset`.
    fn take_back(&self, offset: u64) -> Arc<AtomicU64> {
        let told = Arc::new(AtomicU64::new(offset));
        match self.told.replace(Some(Arc::clone(&told))) {
            None => (self.observer)(Event::SendingBlob {
                label: self.file.label.clone(),
                is_layer: self.file.is_layer,
                bytes: self.file.blob.size,
            }),
            Some(before) => {
                let bytes = before.load(Ordering::Relaxed).saturating_sub(offset);
                (self.observer)(Event::Unsent { bytes });
            }
        }
        told
    }
}

impl BlobSource for Reader<'_> {
    fn open(&self, offset: u64) -> io::Result<BlobStream> {
        let layer = self.file.layer()?;
        let told = self.take_back(offset);
        // The registry compares the digest, and is not believed that it is right if it says so: see `verify`.
        let observer = Arc::clone(self.observer);
        let bytes = read_blob(
            layer,
            offset,
            Checking::ByDestination,
            Pieces::SMALL,
            observer,
        )?;
        Ok(Box::pin(bytes.inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                told.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            }
        })))
    }

    fn verify(&self) -> io::Result<()> {
        let mut reader = self
            .file
            .layer()?
            .open(Form::Blob(Checking::Here))
            .map_err(io::Error::other)?;
        io::copy(&mut reader, &mut io::sink()).map(drop)
    }
}
