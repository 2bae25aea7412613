//! Containers that are run in the foreground.

use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, UPGRADE};
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::{percent_encode, NON_ALPHANUMERIC};
use serde::Deserialize;

use crate::client::Client;
use crate::container_request::ContainerRequest;
use crate::docker::Docker;
use crate::error::{Action, Error};
use crate::leftovers::{self, Removed};
use crate::stdio::{Input, OutputReader};
use stevedore_wire::{empty, Body};

/// The size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSize {
    /// The number of lines.
    pub rows: u16,
    /// The number of characters a line.
    pub columns: u16,
}

/// A container that the engine removes when it ends.
pub struct Container<'a> {
    client: &'a Client,
    id: String,
    terminal: bool,
}

/// A container's end that is waited for.
pub struct Wait<'a> {
    client: &'a Client,
    response: Response<Incoming>,
}

impl Wait<'_> {
    /// Waits until the container has ended and is removed, and gives its exit code.
    ///
    /// # Errors
    /// If the engine does not tell the exit code, or the connection breaks.
    pub async fn finish(self) -> Result<i64, Error> {
        let action = Action::WaitForContainer;
        let ended: Ended = self.client.read_json(action, self.response).await?;
        match ended.error {
            Some(error) if !error.message.is_empty() => Err(Error::NoExitCode {
                action,
                message: error.message,
            }),
            _ => Ok(ended.status_code),
        }
    }
}

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "Id")]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ended {
    status_code: i64,
    error: Option<WaitError>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WaitError {
    message: String,
}

impl Docker {
    /// Makes a container that is not started yet.
    ///
    /// # Errors
    /// If the engine refuses, or cannot be reached.
    pub async fn create_container(
        &self,
        request: &ContainerRequest,
    ) -> Result<Container<'_>, Error> {
        let action = Action::CreateContainer;
        let client = self.client();
        let path = format!("/containers/create{}", request.query());
        let response = client.post_json(action, &path, &request.body()).await?;
        let created: Created = client.read_json(action, response).await?;
        Ok(Container {
            client,
            id: created.id,
            terminal: request.terminal,
        })
    }
}

impl Container<'_> {
    /// The ID that the engine gave it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Puts the files of the tar archive `archive` below the directory `path`, which must be there.
    ///
    /// # Errors
    /// If the engine refuses, or cannot be reached.
    pub async fn upload(&self, path: &str, archive: Body) -> Result<(), Error> {
        let action = Action::UploadFiles;
        let path = percent_encode(path.as_bytes(), NON_ALPHANUMERIC);
        let path = self.path(&format!("archive?path={path}"));
        let request = self
            .client
            .request(Method::PUT, &path)
            .header(CONTENT_TYPE, "application/x-tar")
            .body(archive);
        let response = self.client.send(action, request).await?;
        let response = self.client.successful(action, response).await?;
        self.client.read(action, response).await.map(drop)
    }

    /// Tells whether there is something at `path`. One request.
    ///
    /// # Errors
    /// If the engine refuses, or cannot be reached.
    pub async fn has(&self, path: &str) -> Result<bool, Error> {
        let action = Action::FindFile;
        let path = percent_encode(path.as_bytes(), NON_ALPHANUMERIC);
        let path = self.path(&format!("archive?path={path}"));
        let request = self.client.request(Method::HEAD, &path).body(empty());
        let response = self.client.send(action, request).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        self.client.successful(action, response).await.map(|_| true)
    }

    /// Connects to its standard streams. To be done before it starts, or output may be missed.
    ///
    /// # Errors
    /// If the engine refuses, or cannot be reached.
    pub async fn attach(&self) -> Result<(Input, OutputReader), Error> {
        let action = Action::AttachContainer;
        let path = self.path("attach?stream=1&stdin=1&stdout=1&stderr=1");
        let request = self
            .client
            .request(Method::POST, &path)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "tcp")
            .body(empty());
        let response = self.client.send(action, request).await?;
        let response = self.client.successful(action, response).await?;
        let connection = hyper::upgrade::on(response)
            .await
            .map_err(|error| self.client.connection_lost(action, error))?;
        let (reader, writer) = tokio::io::split(TokioIo::new(connection));
        Ok((Input::new(writer), OutputReader::new(reader, self.terminal)))
    }

    /// Starts it.
    ///
    /// # Errors
    /// If the engine cannot start it, for instance because its program does not exist.
    pub async fn start(&self) -> Result<(), Error> {
        self.post(Action::StartContainer, "start").await
    }

    /// Begins to wait for its end. To be done before it starts, or the end may be missed.
    ///
    /// # Errors
    /// If the engine refuses, or cannot be reached.
    pub async fn begin_wait(&self) -> Result<Wait<'_>, Error> {
        let path = self.path("wait?condition=removed");
        // Docker and podman send the head of the answer at once, and the rest when the container has ended.
        let response = self
            .client
            .call(Action::WaitForContainer, Method::POST, &path)
            .await?;
        Ok(Wait {
            client: self.client,
            response,
        })
    }

    /// Sends it a signal, such as `SIGTERM`.
    ///
    /// # Errors
    /// If the engine refuses, for instance because the container has ended, or cannot be reached.
    pub async fn signal(&self, signal: &str) -> Result<(), Error> {
        self.post(Action::SignalContainer, &format!("kill?signal={signal}"))
            .await
    }

    /// Tells it the size of its terminal.
    ///
    /// # Errors
    /// If the engine refuses, or cannot be reached.
    pub async fn resize(&self, size: WindowSize) -> Result<(), Error> {
        let operation = format!("resize?h={}&w={}", size.rows, size.columns);
        self.post(Action::ResizeTerminal, &operation).await
    }

    /// Removes it with its anonymous volumes, whether it runs or not.
    ///
    /// # Errors
    /// If the engine refuses, or cannot be reached. A container that is gone already is no error.
    pub async fn remove(&self) -> Result<(), Error> {
        match leftovers::remove_container(self.client, &self.id).await? {
            Removed::UnderWay(error @ Error::Status { status: 500, .. }) => Err(error),
            Removed::UnderWay(_) | Removed::Gone => Ok(()),
        }
    }

    async fn post(&self, action: Action, operation: &str) -> Result<(), Error> {
        let path = self.path(operation);
        let response = self.client.call(action, Method::POST, &path).await?;
        self.client.read(action, response).await.map(drop)
    }

    fn path(&self, operation: &str) -> String {
        format!("/containers/{}/{operation}", self.id)
    }
}
