//! Engines that speak the Docker Engine API: Docker, and podman's compatible service.

use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::{Method, Response, StatusCode};
use serde::Deserialize;
use stevedore_image::digest::Digest;
use stevedore_image::platform::Platform;
use stevedore_image::reference::Reference;
use tokio::sync::OnceCell;

use crate::address::Address;
use crate::answer::LoadAnswer;
use crate::client::Client;
use crate::content::Content;
use crate::engine::{Archive, Engine, ImageFacts, ImageName, LoadProgress, NameRemoval, Tagged};
use crate::error::{Action, Error};
use crate::identity::{ApiVersion, EngineKind, Identity, Store};
use crate::message::{Malformed, MessageReader};
use stevedore_wire::empty;
use stevedore_wire::Traffic;

mod inspection;

use inspection::Inspection;

/// The first API version of engines that can have a containerd store (Docker 23).
const FIRST_WITH_CONTAINERD: ApiVersion = ApiVersion {
    major: 1,
    minor: 42,
};

/// The first API version in which an image's inspection tells whether all its blobs are there (Docker 28).
const FIRST_WITH_MANIFESTS: ApiVersion = ApiVersion {
    major: 1,
    minor: 48,
};

/// An engine that speaks the Docker Engine API.
pub struct Docker {
    client: Client,
    identity: Identity,
    api: ApiVersion,
    store: OnceCell<Store>,
    platform: OnceCell<Platform>,
    /// The connection on which the content store is asked, once it was.
    pub(crate) content: OnceCell<Content>,
}

/// The part of `GET /info` that is read: pairs of a name and a value.
#[derive(Deserialize)]
struct Info {
    #[serde(rename = "DriverStatus", default)]
    driver_status: Vec<(String, String)>,
}

/// The part of `GET /version` that is read, with names as Go has them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    os: String,
    arch: String,
}

impl Docker {
    /// Connects to `address` and asks what is there: one request. All that is sent is added to `traffic`.
    ///
    /// # Errors
    /// If nobody listens, this user may not, or what answers is no container engine.
    pub async fn connect(address: Address, traffic: Traffic) -> Result<Self, Error> {
        let mut client = Client::new(address, traffic);
        let response = client.call(Action::Detect, Method::HEAD, "/_ping").await?;
        let (identity, api) =
            Identity::from_headers(response.headers()).map_err(|found| Error::NotAnEngine {
                address: client.address().clone(),
                found,
            })?;
        if api < ApiVersion::OLDEST {
            return Err(Error::TooOld {
                address: client.address().clone(),
                found: api.to_string(),
                needed: ApiVersion::OLDEST.to_string(),
            });
        }
        client.speak(api.min(ApiVersion::NEWEST));
        Ok(Self {
            client,
            identity,
            api,
            store: OnceCell::new(),
            platform: OnceCell::new(),
            content: OnceCell::new(),
        })
    }

    /// Where the engine is.
    pub fn address(&self) -> &Address {
        self.client.address()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Where it keeps its images, if that is known without a question: it is podman or an old Docker, or an image was inspected.
    pub fn known_store(&self) -> Option<Store> {
        match self.identity.kind {
            EngineKind::Podman => Some(Store::ContainersStorage),
            _ if self.api < FIRST_WITH_CONTAINERD => Some(Store::Graphdriver),
            _ => self.store.get().copied(),
        }
    }

    /// Finds out where it keeps its images. Costs at most one request, the first time.
    ///
    /// # Errors
    /// If the engine fails.
    pub async fn store(&self) -> Result<Store, Error> {
        self.store
            .get_or_try_init(|| self.ask_for_store())
            .await
            .copied()
    }

    /// The platform whose images run there. One request, the first time.
    ///
    /// # Errors
    /// If the engine fails.
    pub async fn platform(&self) -> Result<Platform, Error> {
        let platform = self.platform.get_or_try_init(|| self.ask_for_platform());
        platform.await.cloned()
    }

    async fn ask_for_platform(&self) -> Result<Platform, Error> {
        let action = Action::FindPlatform;
        let response = self.client.call(action, Method::GET, "/version").await?;
        let version: Version = self.client.read_json(action, response).await?;
        Ok(Platform {
            os: version.os,
            architecture: version.arch,
            variant: None,
        }
        .normalized())
    }

    /// Uploads `archive` to be loaded. What the engine says against it is in the answer, not an error.
    ///
    /// `progress` is told what the engine says while it works; it is called only if the engine was asked for it by
    /// [`Archive::narrate`].
    ///
    /// # Errors
    /// If the connection breaks, or the engine refuses before it reads the archive.
    pub async fn load(
        &self,
        archive: Archive,
        progress: &mut dyn FnMut(LoadProgress),
    ) -> Result<LoadAnswer, Error> {
        let action = Action::Load;
        let quiet = u8::from(!archive.narrate);
        let body = StreamBody::new(archive.bytes.map_ok(Frame::<Bytes>::data)).boxed_unsync();
        let request = self
            .client
            .request(Method::POST, &format!("/images/load?quiet={quiet}"))
            .header(CONTENT_TYPE, "application/x-tar")
            .header(CONTENT_LENGTH, archive.size)
            .body(body);
        let response = self.client.send(action, request).await?;
        let response = self.client.successful(action, response).await?;
        self.read_load_answer(response, progress).await
    }

    async fn ask_for_store(&self) -> Result<Store, Error> {
        if let Some(store) = self.known_store() {
            return Ok(store);
        }
        let action = Action::FindStore;
        let response = self.client.call(action, Method::GET, "/info").await?;
        let info: Info = self.client.read_json(action, response).await?;
        let containerd = info
            .driver_status
            .iter()
            .any(|(name, value)| name == "driver-type" && value == "io.containerd.snapshotter.v1");
        Ok(if containerd {
            Store::Containerd
        } else {
            Store::Graphdriver
        })
    }

    async fn read_load_answer(
        &self,
        response: Response<Incoming>,
        progress: &mut dyn FnMut(LoadProgress),
    ) -> Result<LoadAnswer, Error> {
        let mut body = response.into_body();
        let mut reader = MessageReader::default();
        let mut answer = LoadAnswer::default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.client.connection_lost(Action::Load, error))?;
            let Ok(bytes) = frame.into_data() else {
                continue;
            };
            for message in reader.push(&bytes).map_err(malformed_answer)? {
                if let Some(step) = answer.take(message) {
                    progress(step);
                }
            }
        }
        reader.finish().map_err(malformed_answer)?;
        Ok(answer)
    }
}

impl Engine for Docker {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn traffic(&self) -> &Traffic {
        self.client.traffic()
    }

    async fn tag(&self, image: &Digest, reference: &Reference) -> Result<Tagged, Error> {
        let path = format!(
            "/images/{image}/tag?repo={}&tag={}",
            reference.familiar_repository(),
            reference.tag().unwrap_or_default()
        );
        let request = self.client.request(Method::POST, &path).body(empty());
        let response = self.client.send(Action::Tag, request).await?;
        if response.status() == StatusCode::NOT_FOUND {
            self.client.read(Action::Tag, response).await?;
            return Ok(Tagged::NoSuchImage);
        }
        self.client.successful(Action::Tag, response).await?;
        Ok(Tagged::Done)
    }

    async fn inspect(&self, image: ImageName<'_>) -> Result<Option<ImageFacts>, Error> {
        let action = Action::Inspect;
        let query = match self.api >= FIRST_WITH_MANIFESTS {
            true => "?manifests=1",
            false => "",
        };
        let path = format!("/images/{image}/json{query}");
        let request = self.client.request(Method::GET, &path).body(empty());
        let response = self.client.send(action, request).await?;
        if response.status() == StatusCode::NOT_FOUND {
            self.client.read(action, response).await?;
            return Ok(None);
        }
        let response = self.client.successful(action, response).await?;
        let image: Inspection = self.client.read_json(action, response).await?;
        if let Some(store) = image.store(self.api >= FIRST_WITH_MANIFESTS) {
            // What is known already is the same.
            let _ = self.store.set(store);
        }
        Ok(Some(image.facts()))
    }

    async fn remove_image(&self, image: &Digest) -> Result<(), Error> {
        let action = Action::RemoveImage;
        let request = self
            .client
            .request(Method::DELETE, &format!("/images/{image}"))
            .body(empty());
        let response = self.client.send(action, request).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return self.client.read(action, response).await.map(drop);
        }
        let response = self.client.successful(action, response).await?;
        self.client.read(action, response).await.map(drop)
    }

    async fn remove_name(&self, name: &Reference) -> Result<NameRemoval, Error> {
        // Parents without a name belong to somebody else.
        let path = format!("/images/{}?noprune=1", name.normalized());
        match self
            .client
            .call(Action::RemoveName, Method::DELETE, &path)
            .await
        {
            Ok(response) => {
                self.client.read(Action::RemoveName, response).await?;
                Ok(NameRemoval::Done)
            }
            Err(Error::Status { status: 404, .. }) => Ok(NameRemoval::NoSuchName),
            Err(Error::Status { message, .. }) => Ok(NameRemoval::Refused(message)),
            Err(error) => Err(error),
        }
    }
}

fn malformed_answer(malformed: Malformed) -> Error {
    Error::MalformedAnswer {
        action: Action::Load,
        excerpt: malformed.excerpt,
        source: malformed.source,
    }
}
