//! A blob that may have to be sent, and the file that has it.

use std::cell::{OnceCell, RefCell};
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use futures_util::StreamExt as _;
use stevedore_image::description::{BlobDescription, LayerDescription};
use stevedore_image::repository::Repository;
use stevedore_registry::{BlobSource, BlobStream};

use crate::error::Error;
use crate::event::{Event, Observer};
use crate::pulls::{Pulls, RemoteBlob};
use crate::runfiles::Runfiles;
use crate::source::{Checking, Form, Layer};
use crate::upload::{read_blob, Pieces};

/// Where a blob is.
#[derive(Clone, Debug)]
pub(super) enum BlobPlace {
    /// In the file with this runfiles path: whether it is there is known when it is needed.
    Runfile(String),
    /// In a registry: it is fetched when it is needed.
    Registry(RemoteBlob, Rc<Pulls>),
}

/// A blob of an image.
#[derive(Clone, Debug)]
pub struct BlobFile {
    runfiles: Runfiles,
    label: String,
    place: BlobPlace,
    fetched: OnceCell<PathBuf>,
    blob: BlobDescription,
    is_layer: bool,
    repository: Option<Repository>,
}

impl BlobFile {
    pub(super) fn new(
        runfiles: Runfiles,
        label: &str,
        place: BlobPlace,
        blob: BlobDescription,
        is_layer: bool,
        repository: Option<Repository>,
    ) -> Self {
        Self {
            runfiles,
            label: label.to_owned(),
            place,
            fetched: OnceCell::new(),
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

    /// Whether it would have to be fetched.
    pub(crate) fn is_in_no_file(&self) -> bool {
        matches!(self.place, BlobPlace::Registry(..)) && self.fetched.get().is_none()
    }

    /// Sees that it is in a file.
    ///
    /// # Errors
    /// If it has to be fetched, and that fails.
    pub(crate) async fn fetch(&self) -> Result<(), Error> {
        if let (BlobPlace::Registry(wanted, pulls), None) = (&self.place, self.fetched.get()) {
            let path = pulls.obtain(wanted).await?;
            // Somebody else may have fetched it meanwhile, to the same file.
            let _ = self.fetched.set(path);
        }
        Ok(())
    }

    /// What reads it, and tells `observer` how far that is.
    pub(crate) fn reader<'a>(&'a self, observer: &'a Observer) -> impl BlobSource + use<'a> {
        Reader {
            file: self,
            observer,
            told: RefCell::default(),
        }
    }

    fn path(&self) -> io::Result<PathBuf> {
        match &self.place {
            BlobPlace::Runfile(path) => self.runfiles.find(path).map_err(io::Error::other),
            BlobPlace::Registry(..) => {
                let path = self.fetched.get().cloned();
                path.ok_or_else(|| io::Error::other("the blob was not fetched"))
            }
        }
    }

    fn layer(&self) -> io::Result<Layer> {
        Ok(Layer {
            description: LayerDescription::new(self.content()),
            path: self.path()?,
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
        let verified = io::copy(&mut reader, &mut io::sink()).map(drop);
        if let (Err(_), BlobPlace::Registry(_, pulls)) = (&verified, &self.file.place) {
            pulls.forget(self.file.blob.digest);
        }
        verified
    }
}
