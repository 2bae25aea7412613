//! Calls of the Docker Engine API, and what their failures mean.

use std::error::Error as StdError;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::error::{Action, Error};
use crate::identity::ApiVersion;
use crate::message::excerpt;
use crate::ssh::SshError;
use crate::transport::{self, Transport};
use stevedore_wire::{empty, find_io_error, full, Body, TlsError, Traffic};

/// The longest answer that is read into memory; the engines' are far below.
const MAX_ANSWER: usize = 16 << 20;

/// One engine, and the version of the API in which it is spoken to.
pub(crate) struct Client {
    transport: Transport,
    address: Address,
    version: Option<ApiVersion>,
}

/// The JSON body of an HTTP error.
#[derive(Deserialize)]
struct ErrorBody {
    message: String,
}

impl Client {
    /// A client that does not know the engine's API version yet.
    pub(crate) fn new(address: Address, traffic: Traffic) -> Self {
        Self {
            transport: transport::to(address.clone(), traffic),
            address,
            version: None,
        }
    }

    /// Puts `version` into every later request's path.
    pub(crate) fn speak(&mut self, version: ApiVersion) {
        self.version = Some(version);
    }

    /// Where the engine is.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// What was sent to the engine.
    pub(crate) fn traffic(&self) -> &Traffic {
        self.transport.traffic()
    }

    /// Starts a request; `path` begins with a slash and has no version.
    pub(crate) fn request(&self, method: Method, path: &str) -> hyper::http::request::Builder {
        let version = self.version.map(|version| format!("/v{version}"));
        self.request_unversioned(method, &format!("{}{path}", version.unwrap_or_default()))
    }

    /// Starts a request; `path` begins with a slash and is taken as it is.
    pub(crate) fn request_unversioned(
        &self,
        method: Method,
        path: &str,
    ) -> hyper::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("http://engine{path}"))
            .header(HOST, "engine")
    }

    /// Sends a request and gives whatever answer comes.
    pub(crate) async fn send(
        &self,
        action: Action,
        request: hyper::http::Result<Request<Body>>,
    ) -> Result<Response<Incoming>, Error> {
        let request = request.map_err(|error| self.connection_lost(action, error))?;
        self.transport
            .request(request)
            .await
            .map_err(|error| self.request_failed(action, error))
    }

    /// Sends a request without a body; an answer that is no success is an error.
    pub(crate) async fn call(
        &self,
        action: Action,
        method: Method,
        path: &str,
    ) -> Result<Response<Incoming>, Error> {
        let request = self.request(method, path).body(empty());
        self.successful(action, self.send(action, request).await?)
            .await
    }

    /// Sends `content` as JSON; an answer that is no success is an error.
    pub(crate) async fn post_json(
        &self,
        action: Action,
        path: &str,
        content: &impl Serialize,
    ) -> Result<Response<Incoming>, Error> {
        let content =
            serde_json::to_vec(content).map_err(|error| self.connection_lost(action, error))?;
        let request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/json")
            .body(full(content));
        self.successful(action, self.send(action, request).await?)
            .await
    }

    /// Passes an answer on if it tells success (or an upgraded connection).
    pub(crate) async fn successful(
        &self,
        action: Action,
        response: Response<Incoming>,
    ) -> Result<Response<Incoming>, Error> {
        let status = response.status();
        if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        if status == StatusCode::BAD_REQUEST
            && action == Action::Detect
            && matches!(self.address, Address::Tcp { .. })
        {
            return Err(Error::WantsTls {
                address: self.address.clone(),
            });
        }
        let body = self.read(action, response).await?;
        let message = serde_json::from_slice(&body)
            .map_or_else(|_| excerpt(&body), |body: ErrorBody| body.message);
        Err(Error::Status {
            action,
            status: status.as_u16(),
            message,
        })
    }

    /// Reads an answer to its end.
    pub(crate) async fn read(
        &self,
        action: Action,
        response: Response<Incoming>,
    ) -> Result<Bytes, Error> {
        let body = http_body_util::Limited::new(response.into_body(), MAX_ANSWER);
        let body = body.collect().await;
        Ok(body
            .map_err(|error| self.connection_lost(action, error))?
            .to_bytes())
    }

    /// Reads a JSON answer.
    pub(crate) async fn read_json<T: DeserializeOwned>(
        &self,
        action: Action,
        response: Response<Incoming>,
    ) -> Result<T, Error> {
        let body = self.read(action, response).await?;
        serde_json::from_slice(&body).map_err(|source| Error::MalformedAnswer {
            action,
            excerpt: excerpt(&body),
            source,
        })
    }

    /// The error for a connection that broke while `action` was under way.
    pub(crate) fn connection_lost(
        &self,
        action: Action,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Error {
        Error::ConnectionLost {
            action,
            address: self.address.clone(),
            bytes_sent: self.traffic().bytes_sent(),
            source: source.into(),
        }
    }

    fn request_failed(&self, action: Action, error: legacy::Error) -> Error {
        let address = self.address.clone();
        if let Some(source) = SshError::find(&error) {
            return Error::Ssh { address, source };
        }
        // An engine may refuse this client's certificate after the handshake.
        if let Some(source) = TlsError::find(&error) {
            return Error::Tls { address, source };
        }
        if error.is_connect() {
            if let Some(cause) = find_io_error(&error) {
                return Error::from_connect(&self.address, cause);
            }
        }
        self.connection_lost(action, error)
    }
}
