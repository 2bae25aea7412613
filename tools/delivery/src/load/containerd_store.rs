//! Docker with the containerd image store: the image's ID is the digest of its manifest, and an OCI archive may omit
//! every blob that is there.
//!
//! 1. The engine's content store is asked for each layer's blob, through the engine's own socket ([`presence`]).
//! 2. One upload of an OCI archive with the config, the manifest, and the blobs that are not there; without a name,
//!    because this store says "loaded" and moves the name even if the image is not complete.
//! 3. The content store is asked for all blobs. If one was removed meanwhile, the whole image is sent.
//! 4. The names move.

use stevedore_engine::{
    Content, Docker, Engine, ImageFacts, ImageName, LoadAnswer, Refusal, Store,
};
use stevedore_image::digest::Digest;
use stevedore_image::load_manifest::LoadManifest;
use stevedore_image::oci_archive;

use super::delivery::Delivery;
use super::presence::{self, Presence};
use super::Loaded;
use crate::error::Error;
use crate::report::Outcome;
use crate::source::{Checking, Form};

/// A delivery into Docker's containerd store.
pub(super) struct ContainerdStore<'a> {
    delivery: &'a Delivery<'a>,
    engine: &'a Docker,
    /// The manifest of the image as this side has it.
    manifest: LoadManifest,
}

/// What became of an upload.
enum Verdict {
    /// The image is there, whole.
    Complete,
    /// It is there, but not whole, or not at all; this is what the engine said.
    Incomplete(Refusal),
}

impl<'a> ContainerdStore<'a> {
    pub(super) fn new(delivery: &'a Delivery<'a>, engine: &'a Docker) -> Result<Self, Error> {
        let manifest = LoadManifest::of_blobs(delivery.image.description())
            .map_err(|source| delivery.description_error(source))?;
        Ok(Self {
            delivery,
            engine,
            manifest,
        })
    }

    /// The ID that the image gets if the engine has no layer of it in another compression.
    pub(super) fn predicted_id(&self) -> Digest {
        self.manifest.descriptor().digest
    }

    /// Whether an image that the engine has is the one that is delivered, and complete.
    ///
    /// Its ID may be another one: it may have come from a registry, or be made of blobs that were here before. What the
    /// image is, is told by the config that its manifest names.
    pub(super) async fn is_ours(&self, facts: &ImageFacts) -> Result<bool, Error> {
        if facts.is_available == Some(false) || !self.delivery.has_layers(facts) {
            return Ok(false);
        }
        if facts.id == self.predicted_id() && facts.is_available == Some(true) {
            return Ok(true);
        }
        let Ok(content) = self.engine.content().await else {
            // An old engine behind a proxy that hides its content store: there is nobody to ask.
            return Ok(facts.id == self.predicted_id() && facts.is_available.is_none());
        };
        // Whatever goes wrong here, the transfer meets it again, and knows what to do.
        let manifest = presence::read_manifest(&content, &facts.id).await;
        let Ok(Some(manifest)) = manifest else {
            return Ok(false);
        };
        if manifest.config.digest != self.delivery.image.id() {
            return Ok(false);
        }
        let blobs: Vec<Digest> = manifest.layers.iter().map(|blob| blob.digest).collect();
        let is_whole = facts.is_available == Some(true)
            || presence::has_all(&content, &blobs).await.unwrap_or(false);
        Ok(is_whole)
    }

    /// Sends what is missing, and names the image when it has proved complete.
    pub(super) async fn transfer(&self) -> Result<Loaded, Error> {
        let (content, presence) = self.ask_for_presence().await;
        if presence.has_everything() {
            if let Some(loaded) = self.adopt(presence.id()).await? {
                return Ok(loaded);
            }
        }
        let id = match self.upload(&presence, content.as_ref()).await? {
            Verdict::Complete => presence.id(),
            Verdict::Incomplete(refusal) => {
                self.remove(presence.id()).await?;
                if presence.count() == 0 || refusal.is_disk_full() {
                    return Err(self.delivery.refusal(refusal));
                }
                self.mend(&refusal, content.as_ref()).await?
            }
        };
        if !self.delivery.tag_all(self.engine, &id).await? {
            return Err(self.delivery.not_there(id));
        }
        Ok(loaded(id, Outcome::Loaded))
    }

    /// Gives the image its names, if it is there, complete, under the ID `id`.
    pub(super) async fn adopt(&self, id: Digest) -> Result<Option<Loaded>, Error> {
        let Some(facts) = self.engine.inspect(ImageName::Id(&id)).await? else {
            return Ok(None);
        };
        if !self.is_ours(&facts).await? || !self.delivery.settle(self.engine, &facts).await? {
            return Ok(None);
        }
        self.delivery.tally.set(self.delivery.layer_count(), 0);
        Ok(Some(loaded(id, Outcome::Unchanged)))
    }

    /// Sends the whole image, because the engine had less of it than it had said.
    async fn mend(&self, refusal: &Refusal, content: Option<&Content>) -> Result<Digest, Error> {
        self.delivery.fall_back(&format!(
            "the image is not complete in the engine, every layer is sent: {refusal}"
        ));
        let everything = Presence::nothing(self.manifest.clone());
        match self.upload(&everything, content).await? {
            Verdict::Complete => Ok(everything.id()),
            Verdict::Incomplete(refusal) => {
                self.remove(everything.id()).await?;
                Err(self.delivery.refusal(refusal))
            }
        }
    }

    /// Finds out which layers are there. Where the engine does not tell, none is taken to be.
    async fn ask_for_presence(&self) -> (Option<Content>, Presence) {
        let image = self.delivery.image.description();
        let asked = match self.engine.content().await {
            Ok(content) => Presence::ask(&content, image, self.manifest.clone())
                .await
                .map(|presence| (Some(content), presence)),
            Err(error) => Err(error),
        };
        asked.unwrap_or_else(|error| {
            self.delivery.fall_back(&format!(
                "the engine does not tell which blobs it has, every layer is sent: {error}"
            ));
            (None, Presence::nothing(self.manifest.clone()))
        })
    }

    /// Uploads the image without the layers that are present, and looks at what the engine made of it.
    async fn upload(
        &self,
        presence: &Presence,
        content: Option<&Content>,
    ) -> Result<Verdict, Error> {
        let delivery = self.delivery;
        let present = presence.count();
        delivery
            .tally
            .set(present, delivery.layer_count() - present);
        let config = delivery.image.read_config()?;
        let platform = &delivery.image.description().platform;
        let is_included = |index| !presence.has(index);
        let archive = oci_archive::plan(presence.manifest(), platform, &config, None, is_included)
            .map_err(|source| delivery.description_error(source))?;
        let answer = delivery
            .send(self.engine, archive, Form::Blob(Checking::Here))
            .await?;
        self.judge(presence.manifest(), answer, content).await
    }

    /// The engine's answer says little: HTTP 200 and "loaded" come for an image that lacks blobs too.
    async fn judge(
        &self,
        manifest: &LoadManifest,
        answer: LoadAnswer,
        content: Option<&Content>,
    ) -> Result<Verdict, Error> {
        let expected = manifest.descriptor().digest;
        if let Some(other) = answer.image_ids.iter().find(|id| **id != expected) {
            let (expected, found) = (expected.to_string(), other.to_string());
            return Err(self.delivery.wrong_image(&expected, &found));
        }
        if let Some(refusal) = answer.refusal {
            return Ok(Verdict::Incomplete(refusal));
        }
        let is_complete = match content {
            // Inspecting takes ten times as long, and more where there are many images.
            Some(content) => presence::has_all(content, &blobs(manifest)).await?,
            None => self
                .engine
                .inspect(ImageName::Id(&expected))
                .await?
                .is_some_and(|facts| {
                    facts.is_available != Some(false) && self.delivery.has_layers(&facts)
                }),
        };
        if is_complete {
            return Ok(Verdict::Complete);
        }
        Ok(Verdict::Incomplete(Refusal {
            message: format!("a blob of `{expected}` is missing after the load"),
        }))
    }

    /// Removes an image that is not complete, unless somebody has given it a name before.
    async fn remove(&self, id: Digest) -> Result<(), Error> {
        match self.engine.inspect(ImageName::Id(&id)).await? {
            Some(facts) if facts.references.is_empty() => Ok(self.engine.remove_image(&id).await?),
            _ => Ok(()),
        }
    }
}

fn loaded(image_id: Digest, outcome: Outcome) -> Loaded {
    Loaded {
        image_id,
        outcome,
        store: Store::Containerd,
    }
}

/// All that the store must have for the image to be complete.
fn blobs(manifest: &LoadManifest) -> Vec<Digest> {
    let own = [manifest.descriptor().digest, manifest.config().digest];
    let layers = manifest.layers().iter().map(|blob| blob.digest);
    own.into_iter().chain(layers).collect()
}
