//! What a delivery needs of a container engine.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use stevedore_image::digest::Digest;
use stevedore_image::reference::Reference;

use crate::error::Error;
use crate::identity::Identity;
use stevedore_wire::Traffic;

/// A container engine that can be asked for images and be given some.
pub trait Engine {
    /// What it is, as it said when the connection was made.
    fn identity(&self) -> &Identity;

    /// What was sent to it so far.
    fn traffic(&self) -> &Traffic;

    /// Gives the image whose ID is `image` the name `reference`: the check whether it is there, and
    /// the act, in one request.
    fn tag(
        &self,
        image: &Digest,
        reference: &Reference,
    ) -> impl Future<Output = Result<Tagged, Error>>;

    /// Tells what the engine knows about an image; `None` if it has no such image.
    fn inspect(
        &self,
        image: ImageName<'_>,
    ) -> impl Future<Output = Result<Option<ImageFacts>, Error>>;

    /// Removes the image whose ID is `image`, if no container needs it. That it is not there is no error.
    ///
    /// An engine may take the image's name away too, so this is for images that have none.
    fn remove_image(&self, image: &Digest) -> impl Future<Output = Result<(), Error>>;

    /// Takes the name `name` away. The image goes too if that was its last name, unless a container needs it: then it keeps it.
    fn remove_name(&self, name: &Reference) -> impl Future<Output = Result<NameRemoval, Error>>;
}

/// What an image is called in a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageName<'a> {
    /// Its ID.
    Id(&'a Digest),
    /// A name that it was given.
    Reference(&'a Reference),
}

impl fmt::Display for ImageName<'_> {
    /// The text that engines understand: `sha256:…`, or `docker.io/library/app:dev`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(formatter),
            Self::Reference(reference) => formatter.write_str(&reference.normalized()),
        }
    }
}

/// The answer to [`Engine::tag`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tagged {
    /// The image is there and has the name now.
    Done,
    /// The engine has no such image. Nothing was changed.
    NoSuchImage,
}

/// The answer to [`Engine::remove_name`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameRemoval {
    /// No image has the name any more.
    Done,
    /// No image had it.
    NoSuchName,
    /// The image keeps it, because of this.
    Refused(String),
}

/// What an engine knows about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFacts {
    /// The ID under which the engine keeps it.
    pub id: Digest,
    /// The `diff_id`s of its layers, bottom first. An engine may give none for an image that it cannot read whole.
    pub diff_ids: Vec<Digest>,
    /// The names that it has.
    pub references: Vec<Reference>,
    /// Whether every blob of it is there; `None` if the engine does not tell, or is one that cannot have a part of an
    /// image.
    pub is_available: Option<bool>,
}

/// A tar archive to be uploaded.
pub struct Archive {
    /// Its size in bytes; the stream must give exactly as many.
    pub size: u64,
    /// Its bytes. An error ends the upload, so that the engine discards what it had got.
    pub bytes: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
    /// Whether the engine shall tell how far it is while it unpacks.
    pub narrate: bool,
}

/// How far an engine is with unpacking one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadProgress {
    /// Bytes of the layer's tar that it has read.
    pub current: u64,
    /// The size of that tar in bytes.
    pub total: u64,
}
