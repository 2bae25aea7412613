//! Delivering an image into a container engine.

use std::cell::Cell;

use stevedore_engine::{
    Engine, EngineKind, ImageFacts, LoadAnswer, LoadProgress, Refusal, Store, Tagged,
};
use stevedore_image::digest::Digest;
use stevedore_image::docker_archive::DockerArchive;
use stevedore_image::reference::Reference;

use crate::error::Error;
use crate::event::{Event, Observer};
use crate::image::Image;
use crate::plan::{plan, Shipment};
use crate::report::{LayerCounts, Outcome};
use crate::source::{Checking, Layer};
use crate::upload::Upload;

/// How often an upload is begun again because the engine has lost a layer meanwhile.
const MAX_UPLOADS: usize = 4;

/// An image that an engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The ID that the engine gave it.
    pub image_id: Digest,
    /// [`Outcome::Loaded`] or [`Outcome::Unchanged`].
    pub outcome: Outcome,
    /// Where the engine keeps it.
    pub store: Store,
}

/// What became of the layers so far; it tells the truth after a failure too.
#[derive(Debug, Default)]
pub struct Tally {
    present: Cell<usize>,
    sent: Cell<usize>,
}

impl Tally {
    fn set(&self, present: usize, sent: usize) {
        self.present.set(present);
        self.sent.set(sent);
    }

    /// The counts for an image that has `total` layers.
    pub fn counts(&self, total: usize) -> LayerCounts {
        LayerCounts {
            total,
            present: self.present.get(),
            sent: self.sent.get(),
        }
    }
}

/// One delivery.
struct Delivery<'a, E> {
    engine: &'a E,
    image: &'a Image,
    references: &'a [Reference],
    observer: &'a Observer,
    narrate: bool,
    tally: &'a Tally,
}

/// What came of an upload that names its layers' places.
enum Answer {
    /// The image is there under this ID; `None` if the engine did not tell.
    Done(Option<Digest>),
    /// The engine lacks this layer, and all above it.
    Missing(usize),
    /// The engine refused for another reason.
    Refused(Refusal),
}

/// Makes `engine` have `image` under all of `references`, and sends only what it lacks.
///
/// `narrate` asks the engine to tell how far it is while it unpacks ([`Event::Unpacking`]).
///
/// 1. Tag the image by the digest of its config, which is its ID: check and act in one request a name. An image that
///    is there is complete, so its name may move.
/// 2. If there is none: an upload with the config and all names, but no layer. Is nothing but the config new, that is
///    the load. Else the engine's error names the first layer that it lacks, and nothing has changed.
/// 3. One upload with that layer and all above it. If another one is missing now, somebody has removed it meanwhile:
///    again from there.
/// 4. The ID that the engine prints is compared with the one that was computed when the image was built.
///
/// An engine that does not work like that (podman; Docker with the containerd store) gets all layers.
///
/// # Errors
/// If the image's files cannot be used, or the engine fails or refuses. No name has moved then, unless the connection
/// broke after all was sent and the engine goes on by itself: then the image is complete.
pub async fn load<E: Engine>(
    engine: &E,
    image: &Image,
    references: &[Reference],
    narrate: bool,
    observer: &Observer,
    tally: &Tally,
) -> Result<Loaded, Error> {
    let delivery = Delivery {
        engine,
        image,
        references,
        observer,
        narrate,
        tally,
    };
    if delivery.adopt().await? {
        return Ok(delivery.done(Outcome::Unchanged));
    }
    if engine.identity().kind == EngineKind::Podman {
        return delivery.send_all_to_podman().await;
    }
    delivery.send_missing().await
}

impl<E: Engine> Delivery<'_, E> {
    /// Names the image that is there already; `false` if there is none.
    async fn adopt(&self) -> Result<bool, Error> {
        let there = match self.references {
            [] => self.engine.inspect(&self.image.id()).await?.is_some(),
            references => self.tag_all(&self.image.id(), references).await?,
        };
        if there {
            self.tally.set(self.layer_count(), 0);
        }
        Ok(there)
    }

    async fn tag_all(&self, image: &Digest, references: &[Reference]) -> Result<bool, Error> {
        for reference in references {
            if self.engine.tag(image, reference).await? == Tagged::NoSuchImage {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Steps 2 to 4 of [`load`].
    async fn send_missing(&self) -> Result<Loaded, Error> {
        let mut shipment = Shipment::probe(&self.image.description().layers);
        for upload in 0..=MAX_UPLOADS {
            let first = shipment.layers.start;
            self.tally.set(first, self.layer_count() - first);
            match self
                .send(&shipment, self.references, Checking::ByDestination)
                .await?
            {
                Answer::Done(id) => return self.verify(id).await,
                Answer::Missing(index) if index < first => {
                    if upload > 0 {
                        self.tell_lost(index);
                    }
                    shipment = plan(&self.image.description().layers, index);
                }
                Answer::Missing(_) => return Err(self.keeps_losing(upload)),
                Answer::Refused(refusal) => return self.refused(refusal).await,
            }
        }
        Err(self.keeps_losing(MAX_UPLOADS))
    }

    /// An engine whose ID of the image is not the config's digest may be one with the containerd store.
    async fn refused(&self, refusal: Refusal) -> Result<Loaded, Error> {
        match self.engine.store().await? {
            Store::Containerd => self.send_all_to_containerd().await,
            _ => Err(self.refusal(refusal)),
        }
    }

    async fn verify(&self, printed: Option<Digest>) -> Result<Loaded, Error> {
        let expected = self.image.id();
        let found = match printed {
            Some(id) => Some(id),
            None => self.engine.inspect(&expected).await?.map(|facts| facts.id),
        };
        match found {
            Some(id) if id == expected => Ok(self.done(Outcome::Loaded)),
            Some(_) if self.engine.store().await? == Store::Containerd => {
                self.send_all_to_containerd().await
            }
            Some(id) => Err(self.wrong_image(&expected.to_string(), &id.to_string())),
            None => Err(Error::NotThere {
                label: self.label(),
                expected,
            }),
        }
    }

    /// Sends every layer, without a name, and names the image when it has proved complete: the containerd store says
    /// "loaded" and moves the name even if it could not unpack the image.
    async fn send_all_to_containerd(&self) -> Result<Loaded, Error> {
        self.fall_back("the engine uses the containerd image store: every layer is sent");
        let id = match self.send(&self.everything(), &[], Checking::Here).await? {
            Answer::Done(Some(id)) => id,
            Answer::Done(None) => return Err(self.not_there()),
            Answer::Missing(_) => return Err(self.keeps_losing(1)),
            Answer::Refused(refusal) => return Err(self.refusal(refusal)),
        };
        let facts = self.engine.inspect(&id).await?;
        self.compare_layers(facts.as_ref())?;
        if !self.tag_all(&id, self.references).await? {
            return Err(self.not_there());
        }
        Ok(Loaded {
            image_id: id,
            outcome: Outcome::Loaded,
            store: Store::Containerd,
        })
    }

    /// Sends every layer: podman refuses a docker-archive with gaps (`Some layer tarfiles are missing`).
    async fn send_all_to_podman(&self) -> Result<Loaded, Error> {
        self.fall_back("the engine is podman: every layer is sent");
        match self
            .send(&self.everything(), self.references, Checking::Here)
            .await?
        {
            Answer::Done(_) => {}
            Answer::Missing(_) => return Err(self.keeps_losing(1)),
            Answer::Refused(refusal) => return Err(self.refusal(refusal)),
        }
        let facts = self.engine.inspect(&self.image.id()).await?;
        self.compare_layers(facts.as_ref())?;
        Ok(self.done(Outcome::Loaded))
    }

    fn everything(&self) -> Shipment {
        self.tally.set(0, self.layer_count());
        plan(&self.image.description().layers, 0)
    }

    /// Uploads the layers of `shipment`; the engine must have the others.
    async fn send(
        &self,
        shipment: &Shipment,
        references: &[Reference],
        checking: Checking,
    ) -> Result<Answer, Error> {
        let layers = self.check_layers(shipment)?;
        let archive = self.archive(shipment, references)?;
        if !layers.is_empty() {
            (self.observer)(Event::Sending {
                layers: layers.len(),
                of: self.layer_count(),
                bytes: shipment.bytes,
            });
        }
        let started = Upload::start(
            archive,
            layers,
            checking,
            self.narrate,
            self.observer.clone(),
        );
        let (archive, upload) = started.map_err(|source| Error::Thread {
            label: self.label(),
            source,
        })?;
        let mut progress = |LoadProgress { current, total }| {
            (self.observer)(Event::Unpacking { current, total });
        };
        match self.engine.load(archive, &mut progress).await {
            Ok(answer) => Ok(self.understand(answer)),
            Err(error) => Err(match upload.failure() {
                Some(source) => Error::Source {
                    label: self.label(),
                    source: Box::new(source),
                },
                None => error.into(),
            }),
        }
    }

    /// Finds the files before anything is sent, so that a missing one costs no upload.
    fn check_layers(&self, shipment: &Shipment) -> Result<Vec<(usize, Layer)>, Error> {
        let mut layers = Vec::with_capacity(shipment.layers.len());
        for index in shipment.layers.clone() {
            let layer = self.image.layer(index)?;
            layer.check().map_err(|source| Error::Source {
                label: self.label(),
                source: Box::new(source),
            })?;
            layers.push((index, layer));
        }
        Ok(layers)
    }

    fn archive(
        &self,
        shipment: &Shipment,
        references: &[Reference],
    ) -> Result<DockerArchive, Error> {
        let config = self.image.read_config()?;
        let layers = &self.image.description().layers;
        let includes = |index| shipment.includes(index);
        let archive = match self.engine.identity().kind {
            EngineKind::Docker => DockerArchive::plan_upload(&config, references, layers, includes),
            EngineKind::Podman => DockerArchive::plan(&config, references, layers, includes),
        };
        archive.map_err(|source| Error::Description {
            label: self.label(),
            source: Box::new(source),
        })
    }

    fn understand(&self, answer: LoadAnswer) -> Answer {
        for text in answer.notes {
            (self.observer)(Event::Note { text });
        }
        let Some(refusal) = answer.refusal else {
            return Answer::Done(answer.image_ids.last().copied());
        };
        match refusal.missing_layer() {
            Some((index, diff_id)) if self.is_layer(index, diff_id) => Answer::Missing(index),
            _ => Answer::Refused(refusal),
        }
    }

    fn is_layer(&self, index: usize, diff_id: Digest) -> bool {
        let layer = self.image.description().layers.get(index);
        layer.is_some_and(|layer| layer.diff_id == diff_id)
    }

    fn compare_layers(&self, facts: Option<&ImageFacts>) -> Result<(), Error> {
        let facts = facts.ok_or_else(|| self.not_there())?;
        let layers = self.image.description().layers.iter();
        if layers.map(|layer| &layer.diff_id).eq(&facts.diff_ids) {
            return Ok(());
        }
        let expected = format!("an image with {} other layers", self.layer_count());
        Err(self.wrong_image(&expected, &facts.id.to_string()))
    }

    fn done(&self, outcome: Outcome) -> Loaded {
        Loaded {
            image_id: self.image.id(),
            outcome,
            store: match self.engine.identity().kind {
                EngineKind::Docker => Store::Graphdriver,
                EngineKind::Podman => Store::ContainersStorage,
            },
        }
    }

    fn layer_count(&self) -> usize {
        self.image.description().layers.len()
    }

    fn label(&self) -> String {
        self.image.label().to_owned()
    }

    fn fall_back(&self, reason: &str) {
        (self.observer)(Event::FellBack {
            reason: reason.to_owned(),
        });
    }

    fn tell_lost(&self, index: usize) {
        self.fall_back(&format!(
            "the engine lost layer {} of {} meanwhile: sending again from there",
            index + 1,
            self.layer_count()
        ));
    }

    fn refusal(&self, source: Refusal) -> Error {
        Error::Refused {
            label: self.label(),
            source,
        }
    }

    fn keeps_losing(&self, attempts: usize) -> Error {
        Error::KeepsLosingLayers {
            label: self.label(),
            attempts,
        }
    }

    fn wrong_image(&self, expected: &str, found: &str) -> Error {
        Error::WrongImage {
            label: self.label(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        }
    }

    fn not_there(&self) -> Error {
        Error::NotThere {
            label: self.label(),
            expected: self.image.id(),
        }
    }
}
