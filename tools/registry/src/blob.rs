//! Blobs: asked for, mounted, sent.
//!
//! See <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs>.

use std::io;

use hyper::{Method, StatusCode};
use percent_encoding::{utf8_percent_encode, NON_ALPHANUMERIC};
use stevedore_image::digest::{Content, Digest};
use stevedore_image::repository::Repository;

use crate::answer::Answer;
use crate::error::{Action, Error};
use crate::host::{resolve, Headers, Target};
use crate::options::Notice;
pub use crate::payload::BlobStream;
use crate::repository_client::RepositoryClient;
use crate::sessions::{self, Session};
use crate::upload::Upload;

/// Where a blob's bytes come from.
pub trait BlobSource {
    /// Begins to read at the byte `offset`.
    ///
    /// # Errors
    /// If the blob cannot be read.
    fn open(&self, offset: u64) -> io::Result<BlobStream>;

    /// Compares the bytes with the digest: the registry says that other ones have arrived.
    ///
    /// # Errors
    /// If they are others, or cannot be read.
    fn verify(&self) -> io::Result<()>;
}

/// How a repository got a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It was there.
    Present,
    /// From another repository of its registry; nothing was sent.
    Mounted,
    /// It was sent.
    Sent,
}

/// What an upload begins with.
pub(crate) enum Begun {
    Mounted,
    At(Session),
}

impl RepositoryClient {
    /// Whether the repository has a blob.
    ///
    /// # Errors
    /// If the registry does not tell.
    pub async fn has_blob(&self, digest: Digest) -> Result<bool, Error> {
        let action = Action::FindBlob(digest);
        let target = self.target(&format!("blobs/{digest}"));
        let answer = self
            .ask(action.clone(), Method::HEAD, target, Headers::new())
            .await?;
        match answer.status {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self.unexpected(action, &answer)),
        }
    }

    /// Gives the repository a blob that it lacks: from `mount`, a repository at the same registry that may have it, else
    /// by sending it. `turn` is waited for before bytes are sent; what it gives is kept until they have arrived.
    ///
    /// # Errors
    /// If it does not get there, or `turn` says that there is nothing to be sent.
    pub async fn give_blob<T>(
        &self,
        blob: Content,
        mount: Option<&Repository>,
        source: &dyn BlobSource,
        turn: impl AsyncFn() -> io::Result<T>,
    ) -> Result<Delivered, Error> {
        let session = match self.begin(blob.digest, mount).await? {
            Begun::Mounted => return Ok(Delivered::Mounted),
            Begun::At(session) => session,
        };
        if let Some(mount) = mount {
            // That was asked instead of whether it is there.
            if self.has_blob(blob.digest).await? {
                sessions::cancel(self, session.location).await;
                return Ok(Delivered::Present);
            }
            let text = format!(
                "`{}` does not mount `{}` from `{mount}`: it is sent",
                self.name(),
                blob.digest
            );
            (self.options.notify)(Notice::Detail { text });
        }
        let turn = turn().await;
        let Ok(_turn) = turn.as_ref() else {
            sessions::cancel(self, session.location).await;
            return Err(Error::Source {
                digest: blob.digest,
                source: turn.err().unwrap_or_else(|| io::ErrorKind::Other.into()),
            });
        };
        Upload::new(self, blob, source).run(session).await?;
        Ok(Delivered::Sent)
    }

    /// Begins an upload, or mounts the blob instead.
    pub(crate) async fn begin(
        &self,
        digest: Digest,
        mount: Option<&Repository>,
    ) -> Result<Begun, Error> {
        let action = Action::BeginUpload(digest);
        if let Some(mount) = mount {
            let from = self.registry.host.endpoint.repository(mount.path());
            let from = utf8_percent_encode(&from, NON_ALPHANUMERIC);
            let target = self.target(&format!("blobs/uploads/?mount={digest}&from={from}"));
            let answered = self
                .ask(action.clone(), Method::POST, target, Headers::new())
                .await;
            match answered {
                Ok(answer) if answer.status == StatusCode::CREATED => return Ok(Begun::Mounted),
                Ok(answer) if answer.status == StatusCode::ACCEPTED => {
                    return Ok(Begun::At(self.session(action, &answer)?))
                }
                // One that cannot mount, or not from there, is asked without it.
                Ok(_) | Err(Error::Denied { .. } | Error::Unauthorized { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let target = self.target("blobs/uploads/");
        let answer = self
            .ask(action.clone(), Method::POST, target, Headers::new())
            .await?;
        match answer.status {
            StatusCode::ACCEPTED => Ok(Begun::At(self.session(action, &answer)?)),
            _ => Err(self.unexpected(action, &answer)),
        }
    }

    fn session(&self, action: Action, answer: &Answer) -> Result<Session, Error> {
        let location = self.location(answer).ok_or_else(|| Error::Malformed {
            registry: self.name(),
            action,
            missing: "`Location`",
        })?;
        let smallest = answer.header("oci-chunk-min-length");
        Ok(Session {
            location,
            chunk: smallest.and_then(|length| length.parse().ok()),
        })
    }

    /// Where an upload goes on. A path is one at the registry, whatever scheme it speaks.
    pub(crate) fn location(&self, answer: &Answer) -> Option<Target> {
        let location = answer.location()?;
        if location.starts_with('/') && !location.starts_with("//") {
            return Some(Target::Path(location.to_owned()));
        }
        let authority = self.registry.host.endpoint.authority();
        let base = format!("https://{authority}/v2/{}/blobs/uploads/", self.path());
        let url = resolve(&base.parse().ok()?, location)?;
        // A registry behind a proxy may not know with which scheme it was asked.
        let is_own = url.authority().map(|found| found.as_str()) == Some(authority);
        match url.path_and_query().filter(|_| is_own) {
            Some(path) => Some(Target::Path(path.to_string())),
            None => Some(Target::Url(url)),
        }
    }
}
