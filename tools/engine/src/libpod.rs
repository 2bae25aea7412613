//! podman's service, spoken to in its own API where the Docker-compatible one is not enough.

use std::path::Path;

use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::{Method, Response, StatusCode};
use percent_encoding::{percent_encode, NON_ALPHANUMERIC};
use serde::Deserialize;
use stevedore_image::digest::Digest;
use stevedore_image::reference::Reference;

use crate::address::Address;
use crate::answer::{LoadAnswer, Refusal};
use crate::client::Client;
use crate::docker::Docker;
use crate::engine::{Archive, Engine, ImageFacts, ImageName, NameRemoval, Tagged};
use crate::error::{Action, Error};
use crate::identity::{EngineKind, Identity};
use crate::podman::{answer, refusal, refused, version, Inspected, Podman};
use stevedore_wire::empty;
use stevedore_wire::Traffic;

/// The version in the paths: podman answers those of its own major version and of older ones, and every call that is
/// used here has been there, and the same, since 4.0; except for the local load, which asks for no certain version.
const API: &str = "/v4.0.0/libpod";

/// The first version that can load a directory of its own machine.
const FIRST_WITH_LOCAL_LOAD: (u64, u64) = (5, 7);

/// podman's service.
#[derive(Clone, Copy)]
pub struct Libpod<'a> {
    engine: &'a Docker,
}

/// The answer to a load.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Loaded {
    /// The image's names, or its ID if it has none.
    names: Vec<String>,
}

/// The JSON body of an HTTP error.
#[derive(Deserialize)]
struct Complaint {
    message: String,
}

impl Docker {
    /// The engine as the podman that it is; `None` if it is another one.
    pub fn libpod(&self) -> Option<Libpod<'_>> {
        let is_podman = self.identity().kind == EngineKind::Podman;
        is_podman.then_some(Libpod { engine: self })
    }
}

impl Libpod<'_> {
    fn client(&self) -> &Client {
        self.engine.client()
    }

    async fn call(
        &self,
        action: Action,
        method: Method,
        path: &str,
    ) -> Result<Response<Incoming>, Error> {
        let path = format!("{API}{path}");
        let request = self.client().request_unversioned(method, &path);
        self.client().send(action, request.body(empty())).await
    }

    async fn understand(
        &self,
        response: Response<Incoming>,
        format: &str,
    ) -> Result<LoadAnswer, Error> {
        let action = Action::Load;
        if response.status().is_success() {
            let Loaded { names } = self.client().read_json(action, response).await?;
            return Ok(answer(
                &names.iter().map(String::as_str).collect::<Vec<_>>(),
            ));
        }
        let body = self.client().read(action, response).await?;
        let refusal = match serde_json::from_slice::<Complaint>(&body) {
            Ok(complaint) => refusal(&complaint.message, format),
            Err(_) => Refusal {
                message: crate::message::excerpt(&body),
            },
        };
        Ok(refused(refusal))
    }
}

impl Engine for Libpod<'_> {
    fn identity(&self) -> &Identity {
        self.engine.identity()
    }

    fn traffic(&self) -> &Traffic {
        self.client().traffic()
    }

    async fn tag(&self, image: &Digest, reference: &Reference) -> Result<Tagged, Error> {
        let action = Action::Tag;
        let path = format!(
            "/images/{image}/tag?repo={}/{}&tag={}",
            reference.domain(),
            reference.path(),
            reference.tag().unwrap_or_default()
        );
        let response = self.call(action, Method::POST, &path).await?;
        if response.status() == StatusCode::NOT_FOUND {
            self.client().read(action, response).await?;
            return Ok(Tagged::NoSuchImage);
        }
        self.client().successful(action, response).await?;
        Ok(Tagged::Done)
    }

    async fn inspect(&self, image: ImageName<'_>) -> Result<Option<ImageFacts>, Error> {
        let action = Action::Inspect;
        let path = format!("/images/{image}/json");
        let response = self.call(action, Method::GET, &path).await?;
        if response.status() == StatusCode::NOT_FOUND {
            self.client().read(action, response).await?;
            return Ok(None);
        }
        let response = self.client().successful(action, response).await?;
        let inspected: Inspected = self.client().read_json(action, response).await?;
        Ok(inspected.facts())
    }

    async fn remove_image(&self, image: &Digest) -> Result<(), Error> {
        let action = Action::RemoveImage;
        // The Docker-compatible call, because libpod's own would remove the image's nameless parents too.
        let path = format!("/images/{image}?noprune=1");
        let request = self.client().request(Method::DELETE, &path).body(empty());
        let response = self.client().send(action, request).await?;
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::CONFLICT => {
                self.client().read(action, response).await.map(drop)
            }
            _ => self.client().successful(action, response).await.map(drop),
        }
    }

    async fn remove_name(&self, name: &Reference) -> Result<NameRemoval, Error> {
        self.engine.remove_name(name).await
    }
}

impl Podman for Libpod<'_> {
    fn may_load_directories(&self) -> bool {
        matches!(self.engine.address(), Address::Unix(_))
            && version(&self.engine.identity().version) >= Some(FIRST_WITH_LOCAL_LOAD)
    }

    async fn load(&self, archive: Archive) -> Result<LoadAnswer, Error> {
        let body = StreamBody::new(archive.bytes.map_ok(Frame::<Bytes>::data)).boxed_unsync();
        let request = self
            .client()
            .request_unversioned(Method::POST, &format!("{API}/images/load"))
            .header(CONTENT_TYPE, "application/x-tar")
            .header(CONTENT_LENGTH, archive.size)
            .body(body);
        let response = self.client().send(Action::Load, request).await?;
        self.understand(response, "oci-archive").await
    }

    async fn load_directory(&self, directory: &Path) -> Result<LoadAnswer, Error> {
        let directory = directory.as_os_str().as_encoded_bytes();
        let directory = percent_encode(directory, NON_ALPHANUMERIC);
        let path = format!("/local/images/load?path={directory}");
        let response = self.call(Action::Load, Method::POST, &path).await?;
        self.understand(response, "oci").await
    }
}
