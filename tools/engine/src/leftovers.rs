//! Containers and volumes that somebody has left behind, found by their labels.

use std::collections::BTreeMap;

use hyper::Method;
use percent_encoding::{percent_encode, NON_ALPHANUMERIC};
use serde::Deserialize;

use crate::client::Client;
use crate::docker::Docker;
use crate::error::{Action, Error};

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

    /// Removes a container, whether it runs or not, or a volume. That it is gone already is no error.
    ///
    /// # Errors
    /// If the engine refuses, or cannot be reached.
    pub async fn remove(&self, kind: LeftoverKind, id: &str) -> Result<(), Error> {
        match kind {
            LeftoverKind::Container => remove_container(self.client(), id).await,
            LeftoverKind::Volume => {
                let path = format!("/volumes/{id}?force=1");
                remove(self.client(), Action::RemoveVolume, &path, &[404]).await
            }
        }
    }
}

/// Removes a container with its anonymous volumes, whether it runs or not.
pub(crate) async fn remove_container(client: &Client, id: &str) -> Result<(), Error> {
    let path = format!("/containers/{id}?force=1&v=1");
    // 404: gone; 409: the engine is removing it because it has ended.
    remove(client, Action::RemoveContainer, &path, &[404, 409]).await
}

async fn remove(client: &Client, action: Action, path: &str, fine: &[u16]) -> Result<(), Error> {
    match client.call(action, Method::DELETE, path).await {
        Err(Error::Status { status, .. }) if fine.contains(&status) => Ok(()),
        removed => removed.map(drop),
    }
}
