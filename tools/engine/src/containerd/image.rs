//! Names of images.

use std::collections::BTreeMap;

use stevedore_image::description::BlobDescription;
use stevedore_image::digest::Digest;

use super::message::{
    Descriptor, FieldMask, GetImageRequest, Image, ImageMessage, UpdateImageRequest,
};
use super::{is, Containerd};
use crate::error::{Action, Error, GrpcCode};

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedImage {
    /// The digest of the image's manifest, or of an index.
    pub target: Digest,
    /// The name's labels.
    pub labels: BTreeMap<String, String>,
}

impl Containerd {
    /// Tells what `name` stands for, a normalized reference such as `docker.io/library/app:dev`; `None` if there is no
    /// such name. One request.
    ///
    /// # Errors
    /// If containerd refuses, or cannot be reached.
    pub async fn image(&self, name: &str) -> Result<Option<NamedImage>, Error> {
        let question = GetImageRequest {
            name: name.to_owned(),
        };
        let path = "/containerd.services.images.v1.Images/Get";
        let answer: Result<ImageMessage, Error> =
            self.channel.call(Action::Inspect, path, question).await;
        if is(&answer, GrpcCode::NotFound) {
            return Ok(None);
        }
        let image = answer?.image.unwrap_or_default();
        let target = image.target.unwrap_or_default().digest.parse();
        Ok(target.ok().map(|target| NamedImage {
            target,
            labels: image.labels,
        }))
    }

    /// Lets `name` stand for the manifest `target`, whatever it stood for, and gives the name these labels; others that
    /// it has stay. One request for a new name, another one for a name that there is.
    ///
    /// # Errors
    /// If containerd refuses, or cannot be reached.
    pub async fn name_image(
        &self,
        name: &str,
        target: &BlobDescription,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let image = Image {
            name: name.to_owned(),
            labels: labels.clone(),
            target: Some(target.into()),
        };
        let path = "/containerd.services.images.v1.Images/Create";
        let question = ImageMessage {
            image: Some(image.clone()),
        };
        let created: Result<ImageMessage, Error> =
            self.channel.call(Action::Tag, path, question).await;
        if !is(&created, GrpcCode::AlreadyExists) {
            return created.map(drop);
        }
        let labels = labels.keys().map(|key| format!("labels.{key}"));
        let question = UpdateImageRequest {
            image: Some(image),
            update_mask: Some(FieldMask {
                paths: labels.chain(["target".to_owned()]).collect(),
            }),
        };
        let path = "/containerd.services.images.v1.Images/Update";
        let _: ImageMessage = self.channel.call(Action::Tag, path, question).await?;
        Ok(())
    }
}

impl From<&BlobDescription> for Descriptor {
    fn from(blob: &BlobDescription) -> Self {
        Self {
            media_type: blob.media_type.clone(),
            digest: blob.digest.to_string(),
            size: i64::try_from(blob.size).unwrap_or(i64::MAX),
        }
    }
}
