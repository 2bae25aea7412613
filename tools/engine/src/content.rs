//! containerd's content store: blobs, named by their digests.
//!
//! Docker serves the same service, without its writing half, on its own socket: [`Docker::content`].

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::future;
use stevedore_image::digest::Digest;

use crate::docker::Docker;
use crate::error::{Action, Error, GrpcCode};
use crate::grpc::{Answers, Channel};

mod message;
mod write;

pub use write::NewBlob;

use message::{
    FieldMask, InfoRequest, InfoResponse, ListRequest, ListResponse, Nothing, ReadRequest,
    ReadResponse, ReferenceRequest, UpdateRequest,
};

/// A content store.
#[derive(Clone)]
pub struct Content {
    channel: Channel,
}

/// What a content store knows about a blob that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobInfo {
    /// The digest of the blob, which is its name.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its labels, such as `containerd.io/distribution.source.docker.io`.
    pub labels: BTreeMap<String, String>,
}

/// The bytes of a blob, as they come. Nobody has compared them with the digest yet.
pub struct BlobReader {
    answers: Answers<ReadResponse>,
}

impl Docker {
    /// Opens the content store of a Docker with the containerd image store, for reading: one request, the first
    /// time, and a connection of its own, on which any number of questions can be asked.
    ///
    /// # Errors
    /// If the engine has no `/grpc` (podman, say), or cannot be reached. A Docker with another store has `/grpc`, and
    /// answers the questions with [`GrpcCode::Unimplemented`].
    pub async fn content(&self) -> Result<Content, Error> {
        let content = self.content.get_or_try_init(|| async {
            let channel = Channel::on_docker(self.client()).await?;
            Ok(Content::new(channel))
        });
        content.await.cloned()
    }
}

impl Content {
    /// The content store behind `channel`, in the namespace that is set there.
    pub(crate) fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// Tells about the blob `digest`; `None` if it is not there.
    ///
    /// # Errors
    /// If the engine refuses, or cannot be reached.
    pub async fn info(&self, digest: &Digest) -> Result<Option<BlobInfo>, Error> {
        let question = InfoRequest {
            digest: digest.to_string(),
        };
        let path = "/containerd.services.content.v1.Content/Info";
        let answer: Result<InfoResponse, Error> =
            self.channel.call(Action::FindBlobs, path, question).await;
        match answer {
            Ok(answer) => Ok(answer.info.and_then(message::Info::understood)),
            Err(error) if error.grpc_code() == Some(GrpcCode::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Tells about several blobs, in their order; all questions are under way at once, each is a request.
    ///
    /// # Errors
    /// As [`Self::info`].
    pub async fn infos(&self, digests: &[Digest]) -> Result<Vec<Option<BlobInfo>>, Error> {
        future::try_join_all(digests.iter().map(|digest| self.info(digest))).await
    }

    /// Tells about all blobs that fit any of `filters`, such as `digest==sha256:…` or
    /// `labels."containerd.io/uncompressed"==sha256:…`; about every one if there is no filter. One request.
    ///
    /// The store looks at each blob that it has. Blobs that are not named by a sha256 are left out.
    ///
    /// # Errors
    /// As [`Self::info`], and if a filter is malformed.
    pub async fn list(&self, filters: Vec<String>) -> Result<Vec<BlobInfo>, Error> {
        let path = "/containerd.services.content.v1.Content/List";
        let question = ListRequest { filters };
        let mut answers: Answers<ListResponse> =
            self.channel.ask(Action::FindBlobs, path, question).await?;
        let mut blobs = Vec::new();
        while let Some(answer) = answers.next().await? {
            blobs.extend(
                answer
                    .info
                    .into_iter()
                    .filter_map(message::Info::understood),
            );
        }
        Ok(blobs)
    }

    /// Reads the blob `digest` from `offset` on, `size` bytes, or all if `size` is 0.
    ///
    /// # Errors
    /// As [`Self::info`]; that the blob is not there ([`GrpcCode::NotFound`]) may be told here or by the reader.
    pub async fn read(&self, digest: &Digest, offset: u64, size: u64) -> Result<BlobReader, Error> {
        let question = ReadRequest {
            digest: digest.to_string(),
            offset: message::signed(offset),
            size: message::signed(size),
        };
        let path = "/containerd.services.content.v1.Content/Read";
        let answers = self.channel.ask(Action::ReadBlob, path, question).await?;
        Ok(BlobReader { answers })
    }

    /// Gives the blob `digest` these labels; others that it has stay.
    ///
    /// # Errors
    /// If the blob is not there ([`GrpcCode::NotFound`]), or as [`Self::info`].
    pub async fn label(
        &self,
        digest: &Digest,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let paths = labels.keys().map(|key| format!("labels.{key}")).collect();
        let question = UpdateRequest {
            info: Some(message::Info {
                digest: digest.to_string(),
                size: 0,
                labels: labels.clone(),
            }),
            update_mask: Some(FieldMask { paths }),
        };
        let path = "/containerd.services.content.v1.Content/Update";
        let _: InfoResponse = self.channel.call(Action::LabelBlob, path, question).await?;
        Ok(())
    }

    /// Throws away what was written under `reference` and not committed. It is no error if there is nothing.
    ///
    /// # Errors
    /// As [`Self::info`].
    pub async fn abort(&self, reference: &str) -> Result<(), Error> {
        let question = ReferenceRequest {
            reference: reference.to_owned(),
        };
        let path = "/containerd.services.content.v1.Content/Abort";
        let aborted: Result<Nothing, Error> =
            self.channel.call(Action::AbortWrite, path, question).await;
        match aborted {
            Err(error) if error.grpc_code() != Some(GrpcCode::NotFound) => Err(error),
            _ => Ok(()),
        }
    }
}

impl BlobReader {
    /// Waits for the next bytes; `None` after the last.
    ///
    /// # Errors
    /// If the store cannot read them, or the connection breaks.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        Ok(self.answers.next().await?.map(|answer| answer.data))
    }
}
