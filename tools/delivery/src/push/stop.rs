//! A repository on the way of a parcel.

use std::cell::{Cell, RefCell};

use futures_util::future::try_join_all;
use stevedore_image::destinations::Destination;
use stevedore_image::tag::Tag;
use stevedore_registry::{Error as RegistryError, Registries, RepositoryClient};

use super::artifact::Artifact;
use super::blob_file::BlobFile;
use super::needs::Need;
use super::parcel::Parcel;
use crate::error::Error;

/// A repository that a parcel goes to, and what is to be done there.
pub(super) struct Stop<'a> {
    pub(super) parcel: &'a Parcel,
    pub(super) destination: &'a Destination,
    pub(super) repository: RepositoryClient,
    /// Tags that do not stand for the parcel yet.
    tags: RefCell<Vec<&'a Tag>>,
    /// Whether the registry lacks the manifest.
    lacks_manifest: Cell<bool>,
    /// The images of an index that the registry lacks.
    children: RefCell<Vec<&'a Artifact>>,
}

impl<'a> Stop<'a> {
    pub(super) fn new(
        registries: &Registries,
        parcel: &'a Parcel,
        destination: &'a Destination,
    ) -> Result<Self, Error> {
        let artifact = parcel.artifact();
        let mounts = artifact.all_blobs().filter_map(BlobFile::repository);
        let mounts: Vec<_> = mounts.cloned().collect();
        let repository = registries.repository(&destination.repository, &mounts);
        Ok(Self {
            parcel,
            destination,
            repository: repository.map_err(|error| Error::registry(artifact.label(), error))?,
            tags: RefCell::default(),
            lacks_manifest: Cell::new(false),
            children: RefCell::default(),
        })
    }

    /// Asks what is there: the tags first, since most often that is all.
    pub(super) async fn look(&self) -> Result<(), Error> {
        let artifact = self.parcel.artifact();
        let tags = &self.destination.tags;
        let asking = tags
            .iter()
            .map(|tag| self.repository.find_manifest(tag.as_str()));
        let found = try_join_all(asking)
            .await
            .map_err(|error| self.blame(error))?;
        let is_right = |found: &Option<_>| *found == Some(artifact.digest());
        let wrong = tags
            .iter()
            .zip(&found)
            .filter(|(_, found)| !is_right(found));
        let wrong: Vec<_> = wrong.map(|(tag, _)| tag).collect();
        if wrong.is_empty() && !tags.is_empty() {
            self.parcel.arrive(false);
            return Ok(());
        }
        let is_there = found.iter().any(is_right) || self.has(artifact).await?;
        if is_there && tags.is_empty() {
            self.parcel.arrive(false);
            return Ok(());
        }
        self.tags.replace(wrong);
        self.lacks_manifest.set(!is_there);
        if !is_there {
            let asking = artifact.children().iter().map(|child| async move {
                let has = self.has(child).await?;
                Ok::<_, Error>((!has).then_some(child))
            });
            let lacking = try_join_all(asking).await?;
            self.children
                .replace(lacking.into_iter().flatten().collect());
        }
        Ok(())
    }

    async fn has(&self, artifact: &Artifact) -> Result<bool, Error> {
        let digest = artifact.digest();
        let found = self.repository.find_manifest(&digest.to_string()).await;
        Ok(found.map_err(|error| self.blame(error))? == Some(digest))
    }

    /// The blobs that the registry may lack.
    pub(super) fn wanted(&self) -> Vec<&'a BlobFile> {
        if !self.lacks_manifest.get() {
            return Vec::new();
        }
        let own = self.parcel.artifact().own_blobs();
        let children = self.children.borrow();
        let children = children.iter().flat_map(|child| child.own_blobs());
        own.iter().chain(children).collect()
    }

    /// Every blob, whether it is there or not.
    pub(super) fn blobs(&self) -> Vec<Need<'_, 'a>> {
        let blobs = self.parcel.artifact().all_blobs();
        blobs.map(|blob| Need::of_one(blob, self)).collect()
    }

    /// Puts the images of an index that are not there.
    pub(super) async fn put_children(&self) -> Result<(), Error> {
        let children = self.children.borrow().clone();
        self.put_all(&children).await
    }

    /// Puts all images of an index.
    pub(super) async fn put_children_anew(&self) -> Result<(), Error> {
        let children: Vec<_> = self.parcel.artifact().children().iter().collect();
        self.put_all(&children).await
    }

    async fn put_all(&self, artifacts: &[&Artifact]) -> Result<(), Error> {
        let putting = artifacts
            .iter()
            .map(|artifact| self.put_as(artifact, artifact.digest().to_string()));
        try_join_all(putting).await.map(drop)
    }

    /// Moves the tags, one after the other, and the first one with the manifest if that is not there.
    pub(super) async fn put(&self) -> Result<(), Error> {
        let artifact = self.parcel.artifact();
        let tags = self.tags.borrow().clone();
        for tag in &tags {
            self.put_as(artifact, tag.to_string()).await?;
        }
        if tags.is_empty() {
            if !self.lacks_manifest.get() {
                return Ok(());
            }
            self.put_as(artifact, artifact.digest().to_string()).await?;
        }
        self.parcel.arrive(true);
        Ok(())
    }

    async fn put_as(&self, artifact: &Artifact, reference: String) -> Result<(), Error> {
        let (media_type, manifest) = artifact.manifest();
        let put = self
            .repository
            .put_manifest(&reference, media_type, manifest)
            .await;
        put.map_err(|error| self.blame(error))
    }

    fn blame(&self, error: RegistryError) -> Error {
        Error::registry(self.parcel.artifact().label(), error)
    }
}
