//! Writing a blob.

use std::collections::BTreeMap;
use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{future, stream, Stream, StreamExt};
use stevedore_image::digest::Digest;
use tokio::sync::mpsc;

use super::message::{
    signed, unsigned, ReferenceRequest, StatusResponse, WriteAction, WriteRequest, WriteResponse,
};
use super::Content;
use crate::error::{Action, Error, GrpcCode};
use crate::grpc::Answers;

/// Messages that wait to be sent, beside those that HTTP/2's windows hold.
const QUEUE: usize = 2;

/// How long another process may write the same blob without getting on.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked whether it does.
const POLL: Duration = Duration::from_millis(100);

/// A blob that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBlob {
    /// The digest, which the store compares.
    pub digest: Digest,
    /// The size in bytes.
    pub size: u64,
    /// The labels that it gets.
    pub labels: BTreeMap<String, String>,
}

impl NewBlob {
    /// The name under which the store keeps the bytes until the blob is complete. It follows from the digest, so that a
    /// write that was interrupted goes on where it stopped, and two processes do not write the same blob at once.
    fn reference(&self) -> String {
        format!("stevedore-{}", self.digest)
    }

    /// A name that no other process uses.
    fn own_reference(&self) -> String {
        format!("stevedore-{}-{}", self.digest, std::process::id())
    }
}

impl Content {
    /// Writes `blob`, unless it is there; then it gets the labels, no more. `bytes` is called at most once, with the
    /// place in the blob from which on bytes are needed: where an interrupted write stopped, or the end, if another
    /// namespace of the same containerd has the blob. Gives the number of bytes that were sent.
    ///
    /// One request; another one for the labels of a blob that was there, or to clean up after a failure.
    /// If another process is writing this blob, it is waited for, as long as it gets on.
    ///
    /// # Errors
    /// If the bytes are not the blob's, if they cannot be had ([`Error::BlobSource`]), if the engine refuses for another
    /// reason, such as a full disk, or cannot be reached. What was written so far is thrown away, unless the connection
    /// broke.
    pub async fn write<S>(&self, blob: &NewBlob, bytes: impl FnOnce(u64) -> S) -> Result<u64, Error>
    where
        S: Stream<Item = io::Result<Bytes>>,
    {
        let mut reference = blob.reference();
        let mut writer = self.begin(blob, &reference).await;
        while is(&writer, GrpcCode::Unavailable) {
            if !self.gets_on(&reference).await? {
                reference = blob.own_reference();
            }
            writer = self.begin(blob, &reference).await;
        }
        if is(&writer, GrpcCode::AlreadyExists) {
            return self.label_existing(blob).await;
        }
        let writer = writer?;
        let sending = send(blob, bytes, writer.offset, writer.questions);
        match future::try_join(read_to_end(writer.answers), sending).await {
            Ok(((), sent)) => Ok(sent),
            Err(error) if error.grpc_code() == Some(GrpcCode::AlreadyExists) => {
                self.label_existing(blob).await
            }
            Err(error) => {
                // The first error is the one to tell; a lease ends what this leaves.
                let _ = self.abort(&reference).await;
                Err(error)
            }
        }
    }

    /// Opens a write under `reference`, which nobody else can use then.
    async fn begin(&self, blob: &NewBlob, reference: &str) -> Result<Writer, Error> {
        let (questions, mut queue) = mpsc::channel(QUEUE);
        // There is room for it: nothing was sent before.
        let _ = questions.try_send(WriteRequest {
            reference: reference.to_owned(),
            ..blob.request(WriteAction::Stat, 0)
        });
        let path = "/containerd.services.content.v1.Content/Write";
        let queue = stream::poll_fn(move |context| queue.poll_recv(context));
        let mut answers: Answers<WriteResponse> = self
            .channel
            .converse(Action::WriteBlob, path, queue)
            .await?;
        let first = answers.next().await?;
        Ok(Writer {
            questions,
            answers,
            offset: first.map_or(0, |answer| unsigned(answer.offset)),
        })
    }

    /// Waits until the write under `reference` has got on, or is done; `false` if nothing happens there.
    async fn gets_on(&self, reference: &str) -> Result<bool, Error> {
        let before = self.written(reference).await?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            tokio::time::sleep(POLL).await;
            if before.is_none() || self.written(reference).await? != before {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The number of bytes that were written under `reference`; `None` if there is no such write.
    async fn written(&self, reference: &str) -> Result<Option<i64>, Error> {
        let question = ReferenceRequest {
            reference: reference.to_owned(),
        };
        let path = "/containerd.services.content.v1.Content/Status";
        let answer: Result<StatusResponse, Error> =
            self.channel.call(Action::WriteBlob, path, question).await;
        if is(&answer, GrpcCode::NotFound) {
            return Ok(None);
        }
        Ok(answer?.status.map(|status| status.offset))
    }

    async fn label_existing(&self, blob: &NewBlob) -> Result<u64, Error> {
        if !blob.labels.is_empty() {
            self.label(&blob.digest, &blob.labels).await?;
        }
        Ok(0)
    }
}

/// A write that was begun.
struct Writer {
    questions: mpsc::Sender<WriteRequest>,
    answers: Answers<WriteResponse>,
    /// How many bytes the store has already.
    offset: u64,
}

fn is<T>(result: &Result<T, Error>, code: GrpcCode) -> bool {
    let error = result.as_ref().err();
    error.and_then(Error::grpc_code) == Some(code)
}

impl NewBlob {
    fn request(&self, action: WriteAction, offset: u64) -> WriteRequest {
        WriteRequest {
            action: action.into(),
            reference: String::new(),
            total: signed(self.size),
            expected: self.digest.to_string(),
            offset: signed(offset),
            data: Bytes::new(),
            labels: self.labels.clone(),
        }
    }
}

/// Sends the bytes and the commit; stops without an error when nobody takes them: the answers tell why.
async fn send<S>(
    blob: &NewBlob,
    bytes: impl FnOnce(u64) -> S,
    start: u64,
    questions: mpsc::Sender<WriteRequest>,
) -> Result<u64, Error>
where
    S: Stream<Item = io::Result<Bytes>>,
{
    let mut offset = start;
    let mut bytes = pin!(bytes(offset));
    while let Some(data) = bytes.next().await {
        let data = data.map_err(|source| Error::BlobSource {
            digest: blob.digest,
            source,
        })?;
        let length = data.len() as u64;
        let request = WriteRequest {
            action: WriteAction::Write.into(),
            offset: signed(offset),
            data,
            ..WriteRequest::default()
        };
        if questions.send(request).await.is_err() {
            return Ok(offset - start);
        }
        offset += length;
    }
    // Nobody there: as above.
    let _ = questions
        .send(blob.request(WriteAction::Commit, offset))
        .await;
    Ok(offset - start)
}

/// Answers come for every message, and are read so that the store does not wait; an error ends the call.
async fn read_to_end(mut answers: Answers<WriteResponse>) -> Result<(), Error> {
    while answers.next().await?.is_some() {}
    Ok(())
}
