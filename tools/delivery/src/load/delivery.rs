//! One image on its way into one engine: what all kinds of engines have in common.

use stevedore_engine::{Archive, Docker, ImageFacts, LoadAnswer, LoadProgress, Refusal};
use stevedore_image::archive_plan::ArchivePlan;
use stevedore_image::digest::Digest;
use stevedore_image::reference::Reference;

use crate::consignment::Consignment;
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::image::Image;
use crate::load::{Manner, Tally};
use crate::purpose::Purpose;
use crate::source::{Form, Layer};
use crate::upload::Upload;

/// One delivery.
pub(super) struct Delivery<'a> {
    /// What is delivered.
    pub(super) image: &'a Image,
    /// The names that it gets.
    pub(super) references: &'a [Reference],
    /// What it is loaded for.
    pub(super) purpose: Purpose,
    /// Who watches.
    pub(super) observer: &'a Observer,
    /// Whether the engine shall tell how far it is while it unpacks.
    pub(super) narrate: bool,
    /// What became of the layers so far.
    pub(super) tally: &'a Tally,
    /// All that the same load delivers.
    consignments: &'a [Consignment],
}

impl<'a> Delivery<'a> {
    /// The delivery of `consignment`.
    pub(super) fn new(consignment: &'a Consignment, manner: &'a Manner) -> Self {
        Self {
            image: consignment.image(),
            references: consignment.references(),
            purpose: manner.purpose,
            observer: &manner.observer,
            narrate: manner.narrate,
            tally: consignment.tally(),
            consignments: &[],
        }
    }

    /// The same delivery, as one of several in a load.
    pub(super) fn among(self, consignments: &'a [Consignment]) -> Self {
        Self {
            consignments,
            ..self
        }
    }

    /// The layers of the images that the same load has found or brought before.
    pub(super) fn layers_before(&self) -> impl Iterator<Item = Digest> + 'a {
        let loaded = self
            .consignments
            .iter()
            .filter(|consignment| consignment.loaded().is_some());
        let layers = loaded.flat_map(|consignment| &consignment.image().description().layers);
        layers.map(|layer| layer.diff_id)
    }

    /// Uploads `archive` to Docker; its layers are read in the form that it has them in.
    pub(super) async fn send(
        &self,
        engine: &Docker,
        archive: ArchivePlan,
        form: Form,
    ) -> Result<LoadAnswer, Error> {
        let layers = self.check_layers(archive.layers()).await?;
        self.tell_sending(layers.len(), self.layer_count(), archive.layer_bytes());
        self.send_layers(engine, archive, layers, form).await
    }

    /// Uploads `archive`, which has these layers, to Docker.
    pub(super) async fn send_layers(
        &self,
        engine: &Docker,
        archive: ArchivePlan,
        layers: Vec<(usize, Layer)>,
        form: Form,
    ) -> Result<LoadAnswer, Error> {
        let mut progress = |LoadProgress { current, total }| {
            (self.observer)(Event::Unpacking { current, total });
        };
        let load = async |archive| engine.load(archive, &mut progress).await;
        self.upload_layers(archive, layers, form, load).await
    }

    /// Uploads `archive` by `load`; its layers are read in the form that it has them in.
    pub(super) async fn upload(
        &self,
        archive: ArchivePlan,
        form: Form,
        load: impl AsyncFnOnce(Archive) -> Result<LoadAnswer, stevedore_engine::Error>,
    ) -> Result<LoadAnswer, Error> {
        let layers = self.check_layers(archive.layers()).await?;
        self.tell_sending(layers.len(), self.layer_count(), archive.layer_bytes());
        self.upload_layers(archive, layers, form, load).await
    }

    async fn upload_layers(
        &self,
        archive: ArchivePlan,
        layers: Vec<(usize, Layer)>,
        form: Form,
        load: impl AsyncFnOnce(Archive) -> Result<LoadAnswer, stevedore_engine::Error>,
    ) -> Result<LoadAnswer, Error> {
        let started = Upload::start(archive, layers, form, self.narrate, self.observer.clone());
        let (archive, upload) = started.map_err(|source| Error::Thread {
            label: self.label(),
            source,
        })?;
        let answer = load(archive).await;
        let answer = answer.map_err(|error| match upload.failure() {
            Some(source) => self.image.unusable(source),
            None => error.into(),
        })?;
        for text in &answer.notes {
            self.note(text.clone());
        }
        Ok(answer)
    }

    /// Finds the files of these layers, or fetches them, before anything is sent, so that a missing one costs no upload.
    pub(super) async fn check_layers(
        &self,
        indices: impl IntoIterator<Item = usize>,
    ) -> Result<Vec<(usize, Layer)>, Error> {
        let layers = self.image.layers(indices).await?;
        for (_, layer) in &layers {
            layer
                .check()
                .map_err(|source| self.image.unusable(source))?;
        }
        Ok(layers)
    }

    /// Tells that an upload with so many of so many layers begins.
    pub(super) fn tell_sending(&self, layers: usize, of: usize, bytes: u64) {
        if layers > 0 {
            (self.observer)(Event::Sending { layers, of, bytes });
        }
    }

    /// Tells that more is sent than was planned, and why.
    pub(super) fn fall_back(&self, reason: &str) {
        (self.observer)(Event::FellBack {
            reason: reason.to_owned(),
        });
    }

    /// Tells what the engine said.
    pub(super) fn note(&self, text: String) {
        (self.observer)(Event::Note { text });
    }

    /// Whether an engine's image has the layers of the image.
    pub(super) fn has_layers(&self, facts: &ImageFacts) -> bool {
        let layers = self.image.description().layers.iter();
        layers.map(|layer| &layer.diff_id).eq(&facts.diff_ids)
    }

    /// The number of layers of the image.
    pub(super) fn layer_count(&self) -> usize {
        self.image.description().layers.len()
    }

    /// The image's target.
    pub(super) fn label(&self) -> String {
        self.image.label().to_owned()
    }

    /// The error for a description from which no archive can be made.
    pub(super) fn description_error(&self, source: stevedore_image::Error) -> Error {
        Error::Description {
            label: self.label(),
            source: Box::new(source),
        }
    }

    /// The error for an engine that does not take the image.
    pub(super) fn refusal(&self, source: Refusal) -> Error {
        Error::Refused {
            label: self.label(),
            source,
        }
    }

    /// The error for an engine that loses layers as fast as it gets them.
    pub(super) fn keeps_losing(&self, attempts: usize) -> Error {
        Error::KeepsLosingLayers {
            label: self.label(),
            attempts,
        }
    }

    /// The error for an engine that has made another image of it.
    pub(super) fn wrong_image(&self, expected: &str, found: &str) -> Error {
        Error::WrongImage {
            label: self.label(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        }
    }

    /// The error for an image that was loaded and is not there.
    pub(super) fn not_there(&self, expected: Digest) -> Error {
        Error::NotThere {
            label: self.label(),
            expected,
        }
    }
}
