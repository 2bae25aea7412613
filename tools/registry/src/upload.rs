//! One upload: in one request where the registry takes that, in parts where it wants those, and on from where it broke.
//!
//! See <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks>.

use std::cell::Cell;

use hyper::header::{HeaderName, HeaderValue, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use hyper::{Method, StatusCode};
use stevedore_image::digest::Content;

use crate::answer::Answer;
use crate::blob::{Begun, BlobSource};
use crate::error::{Action, Error};
use crate::host::{Call, Headers, Target};
use crate::manifest::CONTENT_DIGEST;
use crate::options::Notice;
use crate::payload::{BlobStream, Payload};
use crate::repository_client::RepositoryClient;
use crate::retry::{Failure, Retries};
use crate::sessions::{self, Session};

/// The size of a part where the registry wants parts and leaves their size to us.
const CHUNK: u64 = 16 << 20;
/// A registry that finds even such a part too large takes nothing.
const SMALLEST_CHUNK: u64 = 1 << 20;

/// An upload and how far it is.
pub(crate) struct Upload<'a> {
    repository: &'a RepositoryClient,
    blob: Content,
    source: &'a dyn BlobSource,
    /// Bytes that the registry has said it has.
    offset: Cell<u64>,
    /// The size of parts; `None`: everything in one request.
    chunk: Cell<Option<u64>>,
    /// Whether the registry takes parts, as far as is known.
    takes_parts: Cell<bool>,
    /// How many parts in a row it has found to be not those that it had asked for.
    misfits: Cell<u32>,
}

impl<'a> Upload<'a> {
    pub(crate) fn new(
        repository: &'a RepositoryClient,
        blob: Content,
        source: &'a dyn BlobSource,
    ) -> Self {
        Self {
            repository,
            blob,
            source,
            offset: Cell::new(0),
            chunk: Cell::new(None),
            takes_parts: Cell::new(true),
            misfits: Cell::new(0),
        }
    }

    /// Sends the blob, as often as it takes.
    ///
    /// # Errors
    /// If it does not arrive. The session is ended then.
    pub(crate) async fn run(&self, mut session: Session) -> Result<(), Error> {
        let sessions = &self.repository.sessions;
        let number = sessions.add(self.repository, &session);
        let mut retries = Retries::new(&self.repository.options);
        let result = loop {
            self.heed(&session);
            let (before, took_parts) = (self.offset.get(), self.takes_parts.get());
            let Err(failure) = self.send(&mut session).await else {
                break Ok(());
            };
            if self.offset.get() > before {
                retries.progress();
            }
            // What failed will be done in another way, at once.
            let has_lesson = took_parts != self.takes_parts.get() || self.smaller(&failure);
            if !has_lesson {
                if let Err(error) = retries.after(failure).await {
                    break Err(error);
                }
            }
            match self.go_on(session.clone()).await {
                Ok(Some(next)) => session = next,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            sessions.moved(number, self.repository, &session);
        };
        sessions.remove(number);
        if result.is_err() {
            sessions::cancel(self.repository, session.location).await;
        }
        result
    }

    /// Uses parts if the registry wants them.
    fn heed(&self, session: &Session) {
        let wanted = session.chunk.filter(|_| self.takes_parts.get());
        if let (Some(smallest), None) = (wanted, self.chunk.get()) {
            self.chunk.set(Some(smallest.max(CHUNK)));
        }
    }

    /// Whether the upload failed because it was too large at once, and is now to be made in smaller parts.
    fn smaller(&self, failure: &Failure) -> bool {
        let Failure::Lasting(Error::Status { status, .. }) = failure else {
            return false;
        };
        let left = self.blob.size - self.offset.get();
        let sent = self.chunk.get().unwrap_or(left).min(left);
        let smaller = (sent / 2).min(CHUNK);
        let is_too_large = *status == StatusCode::PAYLOAD_TOO_LARGE.as_u16();
        if !is_too_large || smaller < SMALLEST_CHUNK || !self.takes_parts.get() {
            return false;
        }
        self.chunk.set(Some(smaller));
        self.tell(Notice::FellBack {
            reason: format!(
                "`{}` finds {sent} bytes too large: `{}` is sent in parts of {smaller}",
                self.repository.name(),
                self.blob.digest
            ),
        });
        true
    }

    /// Sends what is left.
    async fn send(&self, session: &mut Session) -> Result<(), Failure> {
        if self.offset.get() == 0 && self.chunk.get().is_none() {
            return self.complete(session, self.blob.size).await;
        }
        while self.offset.get() < self.blob.size {
            self.send_part(session).await?;
        }
        self.complete(session, 0).await
    }

    /// Sends the next part, or all the rest.
    async fn send_part(&self, session: &mut Session) -> Result<(), Failure> {
        let start = self.offset.get();
        let left = self.blob.size - start;
        let length = self.chunk.get().unwrap_or(left).min(left);
        let range = format!("{start}-{}", start + length - 1);
        let range = header(CONTENT_RANGE, &range);
        let answer = self
            .transfer(Method::PATCH, session.location.clone(), range, length)
            .await?;
        if !matches!(answer.status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            self.doubt_parts(answer.status);
            return Err(self.refused(&answer));
        }
        self.misfits.set(0);
        // One that has taken less says so.
        let arrived = arrived(&answer).unwrap_or(start + length);
        if arrived <= start {
            return Err(Failure::passing(Error::Malformed {
                registry: self.repository.name(),
                action: Action::SendBlob(self.blob.digest),
                missing: "a byte more than before",
            }));
        }
        self.offset.set(arrived.min(start + length));
        if let Some(location) = self.repository.location(&answer) {
            session.location = location;
        }
        Ok(())
    }

    /// Takes note of a registry that takes no parts: it says so, or twice does not take the part that it has asked for. Once
    /// is no sign: it may have been busy with the bytes of a connection that broke.
    fn doubt_parts(&self, status: StatusCode) {
        let takes_parts = match status {
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => false,
            StatusCode::RANGE_NOT_SATISFIABLE => self.misfits.replace(1) == 0,
            _ => true,
        };
        if !takes_parts {
            self.takes_parts.set(false);
            self.chunk.set(None);
            self.tell(Notice::FellBack {
                reason: format!(
                    "`{}` takes no parts of blobs: `{}` is sent at once",
                    self.repository.name(),
                    self.blob.digest
                ),
            });
        }
    }

    /// Ends the upload, with its last `length` bytes.
    async fn complete(&self, session: &Session, length: u64) -> Result<(), Failure> {
        let action = Action::SendBlob(self.blob.digest);
        let target = with_digest(&session.location, self.blob);
        let answer = self
            .transfer(Method::PUT, target, Headers::new(), length)
            .await?;
        if answer.status != StatusCode::CREATED && answer.status != StatusCode::NO_CONTENT {
            return Err(self.refused(&answer));
        }
        let found = answer.header(CONTENT_DIGEST);
        Ok(self
            .repository
            .check_digest(action, self.blob.digest, found)?)
    }

    async fn transfer(
        &self,
        method: Method,
        target: Target,
        mut headers: Headers,
        length: u64,
    ) -> Result<Answer, Failure> {
        let octets = HeaderValue::from_static("application/octet-stream");
        headers.push((CONTENT_TYPE, octets));
        let open = || -> std::io::Result<BlobStream> { self.source.open(self.offset.get()) };
        let payload = match length {
            0 => Payload::Empty,
            length => Payload::Stream {
                open: &open,
                length,
            },
        };
        let call = Call {
            action: Action::SendBlob(self.blob.digest),
            method,
            target,
            headers,
            payload,
        };
        self.repository.send(&call).await
    }

    /// The failure that an answer tells.
    fn refused(&self, answer: &Answer) -> Failure {
        let action = Action::SendBlob(self.blob.digest);
        if answer.has_code("DIGEST_INVALID") {
            if let Err(source) = self.source.verify() {
                let digest = self.blob.digest;
                return Error::Source { digest, source }.into();
            }
            return Failure::passing(Error::DigestRefused {
                registry: self.repository.name(),
                digest: self.blob.digest,
                message: answer.message(),
            });
        }
        let error = self.repository.unexpected(action, answer);
        match answer.status {
            // The registry has forgotten the upload, or has another part of it than we think.
            StatusCode::NOT_FOUND | StatusCode::RANGE_NOT_SATISFIABLE => Failure::passing(error),
            _ => Failure::of_answer(answer, error),
        }
    }

    /// The session in which the upload goes on: the same one if the registry still has it, or a new one; `None` if the blob is
    /// there, and only the answer that says so was lost.
    async fn go_on(&self, session: Session) -> Result<Option<Session>, Error> {
        let found = match self.takes_parts.get() {
            true => self.found(&session).await,
            false => None,
        };
        if let Some((location, offset)) = found {
            self.offset.set(offset);
            if offset > 0 {
                let size = self.blob.size;
                self.tell(Notice::Resuming { offset, size });
            }
            return Ok(Some(Session {
                location,
                ..session
            }));
        }
        sessions::cancel(self.repository, session.location).await;
        if self.repository.has_blob(self.blob.digest).await? {
            return Ok(None);
        }
        if self.offset.replace(0) > 0 && self.takes_parts.get() {
            let name = self.repository.name();
            self.tell(Notice::FellBack {
                reason: format!(
                    "`{name}` has forgotten what it had of `{}`: all of it is sent again",
                    self.blob.digest
                ),
            });
        }
        match self.repository.begin(self.blob.digest, None).await? {
            Begun::At(session) => Ok(Some(session)),
            Begun::Mounted => Err(Error::Malformed {
                registry: self.repository.name(),
                action: Action::BeginUpload(self.blob.digest),
                missing: "an upload",
            }),
        }
    }

    /// Where the upload goes on and how many bytes of it the registry has; `None` if it does not know the upload.
    async fn found(&self, session: &Session) -> Option<(Target, u64)> {
        let action = Action::FindOffset(self.blob.digest);
        let location = session.location.clone();
        let asked = self
            .repository
            .ask(action, Method::GET, location, Headers::new());
        // Whatever is wrong with this upload, there may be a new one.
        let answer = asked.await.ok()?;
        if answer.status != StatusCode::NO_CONTENT {
            return None;
        }
        let offset = arrived(&answer)?;
        let location = self.repository.location(&answer);
        let location = location.unwrap_or_else(|| session.location.clone());
        (offset <= self.blob.size).then_some((location, offset))
    }

    fn tell(&self, notice: Notice) {
        (self.repository.options.notify)(notice);
    }
}

/// How many bytes have arrived: `Range: 0-N`, where N is the last byte. Registries also say `0-0` of an upload that has
/// none; one byte more or less is sent again.
fn arrived(answer: &Answer) -> Option<u64> {
    let range = answer.header(RANGE)?;
    let range = range.strip_prefix("bytes=").unwrap_or(range);
    let (start, last) = range.split_once('-')?;
    let last: u64 = last.trim().parse().ok()?;
    match (start.trim(), last) {
        ("0", 0) => Some(0),
        ("0", last) => Some(last + 1),
        _ => None,
    }
}

fn header(name: HeaderName, value: &str) -> Headers {
    HeaderValue::from_str(value).map_or(Headers::new(), |value| vec![(name, value)])
}

fn with_digest(location: &Target, blob: Content) -> Target {
    let add = |text: &str| {
        let separator = if text.contains('?') { '&' } else { '?' };
        format!("{text}{separator}digest={}", blob.digest)
    };
    match location {
        Target::Path(path) => Target::Path(add(path)),
        Target::Url(url) => match add(&url.to_string()).parse() {
            Ok(url) => Target::Url(url),
            Err(_) => Target::Url(url.clone()),
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;
    use hyper::HeaderMap;

    use super::*;

    #[test]
    fn a_range_tells_the_last_byte() {
        for (range, expected) in [
            ("0-0", Some(0)),
            ("0-99", Some(100)),
            ("bytes=0-99", Some(100)),
            ("5-99", None),
            ("x", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, range.parse().unwrap());
            let answer = Answer {
                status: StatusCode::NO_CONTENT,
                headers,
                body: Bytes::new(),
                stream: None,
            };
            assert_eq!(arrived(&answer), expected, "{range}");
        }
    }

    #[test]
    fn the_digest_follows_what_the_location_has() {
        let blob = Content::of(b"");
        for (location, separator) in [("/v2/a/1", '?'), ("/v2/a/1?_state=x", '&')] {
            let expected = format!("{location}{separator}digest={}", blob.digest);
            let target = with_digest(&Target::Path(location.to_owned()), blob);
            assert_eq!(target, Target::Path(expected));
        }
    }
}
