//! Containers and volumes that somebody has left behind, found by their labels.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hyper::Method;
use percent_encoding::{percent_encode, NON_ALPHANUMERIC};
use serde::Deserialize;

use crate::client::Client;
use crate::docker::Docker;
use crate::error::{Action, Error};

/// How long a removal that is under way is waited for, and how often it is looked after.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// A container or a volume that an engine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// What it is.
    pub kind: LeftoverKind,
    /// A container's ID, a volume's name.
    pub id: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// What a [`Leftover`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftoverKind {
    /// A container.
    Container,
    /// A volume.
    Volume,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedContainer {
    id: String,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Volumes {
    volumes: Option<Vec<ListedVolume>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedVolume {
    name: String,
    labels: Option<BTreeMap<String, String>>,
}

impl Docker {
    /// The containers, running or not, and the volumes that have the label `label`. Two requests.
    ///
    /// # Errors
    /// If the engine refuses, or cannot be reached.
    pub async fn labelled(&self, label: &str) -> Result<Vec<Leftover>, Error> {
        let action = Action::FindLeftovers;
        let client = self.client();
        let filters = serde_json::json!({"label": [label]}).to_string();
        let filters = percent_encode(filters.as_bytes(), NON_ALPHANUMERIC);
        let path = format!("/containers/json?all=1&filters={filters}");
        let response = client.call(action, Method::GET, &path).await?;
        let containers: Vec<ListedContainer> = client.read_json(action, response).await?;
        let path = format!("/volumes?filters={filters}");
        let response = client.call(action, Method::GET, &path).await?;
        let volumes: Volumes = client.read_json(action, response).await?;
        let containers = containers.into_iter().map(|found| Leftover {
            kind: LeftoverKind::Container,
            id: found.id,
            labels: found.labels.unwrap_or_default(),
        });
        let volumes = volumes.volumes.unwrap_or_default();
        let volumes = volumes.into_iter().map(|found| Leftover {
            kind: LeftoverKind::Volume,
            id: found.name,
            labels: found.labels.unwrap_or_default(),
        });
        // A volume cannot be removed before its containers.
        Ok(containers.chain(volumes).collect())
    }

    /// Removes a container with its anonymous volumes, whether it runs or not, or a volume. When this has ended, it is gone;
    /// that it was gone already is no error.
    ///
    /// # Errors
    /// If the engine refuses, or cannot be reached.
    pub async fn remove(&self, kind: LeftoverKind, id: &str) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            match self.try_remove(kind, id).await? {
                Removed::UnderWay(error) if started.elapsed() > PATIENCE => return Err(error),
                Removed::UnderWay(_) => tokio::time::sleep(PAUSE).await,
                Removed::Gone => return Ok(()),
            }
        }
    }

    async fn try_remove(&self, kind: LeftoverKind, id: &str) -> Result<Removed, Error> {
        match kind {
            LeftoverKind::Container => remove_container(self.client(), id).await,
            LeftoverKind::Volume => {
                let path = format!("/volumes/{id}?force=1");
                remove(self.client(), Action::RemoveVolume, &path).await
            }
        }
    }
}

/// What became of a removal.
pub(crate) enum Removed {
    /// There is nothing any more.
    Gone,
    /// 409: the engine is removing it because it has ended, or a volume's container is not gone yet. 500: podman 4 wanted to
    /// kill a container that ended at that moment ("container not running"), and left it.
    UnderWay(Error),
}

/// Removes a container with its anonymous volumes, whether it runs or not.
pub(crate) async fn remove_container(client: &Client, id: &str) -> Result<Removed, Error> {
    let path = format!("/containers/{id}?force=1&v=1");
    remove(client, Action::RemoveContainer, &path).await
}

async fn remove(client: &Client, action: Action, path: &str) -> Result<Removed, Error> {
    match client.call(action, Method::DELETE, path).await {
        Err(Error::Status { status: 404, .. }) | Ok(_) => Ok(Removed::Gone),
        Err(
            error @ Error::Status {
                status: 409 | 500, ..
            },
        ) => Ok(Removed::UnderWay(error)),
        Err(error) => Err(error),
    }
}
