//! Blobs on their way here.
//!
//! See <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs>.

use std::io;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{HeaderValue, CONTENT_RANGE, RANGE};
use hyper::{Method, StatusCode};
use stevedore_image::digest::Content;

use crate::answer::Answer;
use crate::error::{Action, Error};
use crate::host::{Call, Headers};
use crate::options::Notice;
use crate::payload::Payload;
use crate::repository_client::RepositoryClient;
use crate::retry::{Failure, Retries};

/// Where the bytes of a blob go. It is not told whether they are the right ones: it is to compare their digest.
pub trait BlobSink {
    /// How many bytes it has; the next ones follow these.
    fn offset(&self) -> u64;

    /// Takes the next bytes.
    ///
    /// # Errors
    /// If they cannot be kept.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Forgets all bytes: they come from the first one on.
    ///
    /// # Errors
    /// If that is not possible.
    fn restart(&mut self) -> io::Result<()>;
}

impl RepositoryClient {
    /// Fetches a blob, from where `sink` is at. What broke off goes on where it did, if the registry lets it.
    ///
    /// # Errors
    /// [`Error::NoSuchBlob`]: the repository does not have it. [`Error::BlobSize`]: what it has is longer or shorter; not more
    /// than the size of `blob` is taken.
    pub async fn fetch_blob(&self, blob: Content, sink: &mut dyn BlobSink) -> Result<(), Error> {
        let mut retries = Retries::new(&self.options);
        loop {
            let before = sink.offset();
            let failure = match self.fetch_rest(blob, sink).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            if sink.offset() > before {
                retries.progress();
            }
            retries.after(failure).await?;
        }
    }

    async fn fetch_rest(&self, blob: Content, sink: &mut dyn BlobSink) -> Result<(), Failure> {
        let action = Action::GetBlob(blob.digest);
        let offset = sink.offset();
        let mut headers = Headers::new();
        if offset > 0 {
            let range = format!("bytes={offset}-");
            headers.extend(HeaderValue::try_from(range).map(|range| (RANGE, range)));
        }
        let call = Call {
            action: action.clone(),
            method: Method::GET,
            target: self.target(&format!("blobs/{}", blob.digest)),
            headers,
            payload: Payload::Empty,
        };
        let mut answer = self.send(&call).await?;
        let sink_failed = |source| Error::Sink {
            digest: blob.digest,
            source,
        };
        match answer.status {
            StatusCode::PARTIAL_CONTENT if begins_at(&answer, offset) => {
                (self.options.notify)(Notice::ResumingDownload {
                    offset,
                    size: blob.size,
                });
            }
            // It does not know ranges, or has another idea of how long the blob is.
            StatusCode::OK => sink.restart().map_err(sink_failed)?,
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if offset > 0 => {
                sink.restart().map_err(sink_failed)?;
                return Err(Failure::passing(self.unexpected(action, &answer)));
            }
            StatusCode::NOT_FOUND => {
                return Err(Error::NoSuchBlob {
                    registry: self.name(),
                    repository: self.path().to_owned(),
                    digest: blob.digest,
                }
                .into())
            }
            _ => return Err(self.unexpected(action, &answer).into()),
        }
        match answer.stream.take() {
            Some(stream) => self.receive(blob, stream, sink).await,
            None => Err(self.unexpected(action, &answer).into()),
        }
    }

    /// Reads a body to its end, as far as the blob goes.
    async fn receive(
        &self,
        blob: Content,
        mut stream: Incoming,
        sink: &mut dyn BlobSink,
    ) -> Result<(), Failure> {
        let action = Action::GetBlob(blob.digest);
        let patience = self.options.answer_patience;
        loop {
            let frame = tokio::time::timeout(patience, stream.frame());
            let frame = frame.await.map_err(|_| {
                Failure::passing(Error::TimedOut {
                    registry: self.name(),
                    action: action.clone(),
                    seconds: patience.as_secs(),
                })
            })?;
            let Some(frame) = frame else {
                break;
            };
            let frame = frame.map_err(|error| self.registry.host.lost(&action, error))?;
            let Ok(bytes) = frame.into_data() else {
                continue;
            };
            let found = sink.offset() + bytes.len() as u64;
            if found > blob.size {
                return Err(self.wrong_size(blob, found).into());
            }
            sink.write(&bytes).map_err(|source| Error::Sink {
                digest: blob.digest,
                source,
            })?;
        }
        match sink.offset() {
            found if found == blob.size => Ok(()),
            // A proxy may have cut it off.
            found => Err(Failure::passing(self.wrong_size(blob, found))),
        }
    }

    fn wrong_size(&self, blob: Content, found: u64) -> Error {
        Error::BlobSize {
            registry: self.name(),
            digest: blob.digest,
            expected: blob.size,
            found,
        }
    }
}

/// Whether a part begins where it was asked for: `Content-Range: bytes 10-19/20`.
fn begins_at(answer: &Answer, offset: u64) -> bool {
    let range = answer.header(CONTENT_RANGE).unwrap_or_default();
    let range = range.trim_start().strip_prefix("bytes").unwrap_or(range);
    let first = range.trim_start().split('-').next().unwrap_or_default();
    first.parse() == Ok(offset)
}
