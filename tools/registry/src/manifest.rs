//! Manifests: asked for by tag or digest, and put.
//!
//! See <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests>.

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue, ACCEPT, CONTENT_TYPE};
use hyper::{Method, StatusCode};
use stevedore_image::digest::Digest;
use stevedore_image::media_type;

use crate::error::{Action, Error};
use crate::host::Call;
use crate::payload::Payload;
use crate::repository_client::RepositoryClient;

/// The digest of what an answer is about.
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// A registry that is not told them converts an image into what it takes for the oldest form.
const ACCEPTED: [&str; 4] = [
    media_type::OCI_MANIFEST,
    media_type::OCI_INDEX,
    media_type::DOCKER_MANIFEST,
    media_type::DOCKER_INDEX,
];

impl RepositoryClient {
    /// The digest of the manifest that `reference`, a tag or a digest, stands for; `None` if there is none.
    ///
    /// # Errors
    /// If the registry does not tell.
    pub async fn find_manifest(&self, reference: &str) -> Result<Option<Digest>, Error> {
        let action = Action::FindManifest(reference.to_owned());
        let target = || self.target(&format!("manifests/{reference}"));
        let accept = || vec![(ACCEPT, HeaderValue::from_static(accepted()))];
        let answer = self
            .ask(action.clone(), Method::HEAD, target(), accept())
            .await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.unexpected(action, &answer)),
        }
        let digest = answer
            .header(CONTENT_DIGEST)
            .and_then(|text| text.parse().ok());
        if digest.is_some() {
            return Ok(digest);
        }
        // The header may be missing; the bytes tell it too.
        let answer = self
            .ask(action.clone(), Method::GET, target(), accept())
            .await?;
        match answer.status {
            StatusCode::OK => Ok(Some(Digest::of(&answer.body))),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.unexpected(action, &answer)),
        }
    }

    /// Puts a manifest, all of whose blobs (or other manifests) are there, under a tag or its digest.
    ///
    /// # Errors
    /// If the registry does not take it. [`Error::BlobUnknown`]: it lacks a blob.
    pub async fn put_manifest(
        &self,
        reference: &str,
        media_type: &'static str,
        manifest: &Bytes,
    ) -> Result<(), Error> {
        let action = Action::PutManifest(reference.to_owned());
        let call = Call {
            action: action.clone(),
            method: Method::PUT,
            target: self.target(&format!("manifests/{reference}")),
            headers: vec![(CONTENT_TYPE, HeaderValue::from_static(media_type))],
            payload: Payload::Bytes(manifest.clone()),
        };
        let answer = self.persist(&call).await?;
        if !answer.status.is_success() {
            let lacks_blob = ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"];
            return Err(match lacks_blob.iter().any(|code| answer.has_code(code)) {
                true => Error::BlobUnknown {
                    registry: self.name(),
                    reference: reference.to_owned(),
                    message: answer.message(),
                },
                false => self.unexpected(action, &answer),
            });
        }
        self.check_digest(action, Digest::of(manifest), answer.header(CONTENT_DIGEST))
    }

    /// Compares what the registry says it has stored; it need not say it.
    pub(crate) fn check_digest(
        &self,
        action: Action,
        expected: Digest,
        found: Option<&str>,
    ) -> Result<(), Error> {
        match found {
            Some(found) if found.parse::<Digest>().ok() != Some(expected) => {
                Err(Error::WrongDigest {
                    registry: self.name(),
                    action,
                    expected,
                    found: found.to_owned(),
                })
            }
            _ => Ok(()),
        }
    }
}

fn accepted() -> &'static str {
    static JOINED: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| ACCEPTED.join(", "));
    &JOINED
}
