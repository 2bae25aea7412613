//! Volumes of an engine.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::docker::Docker;
use crate::error::{Action, Error};

/// The body of `POST /volumes/create`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CreateBody<'a> {
    name: &'a str,
    labels: &'a BTreeMap<String, String>,
}

impl Docker {
    /// Makes the volume `name`, unless there is one. A container that names a volume would make it too, but podman's
    /// then has no labels.
    ///
    /// # Errors
    /// If the engine refuses, or cannot be reached.
    pub async fn create_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let action = Action::CreateVolume;
        let body = CreateBody { name, labels };
        let client = self.client();
        let response = client.post_json(action, "/volumes/create", &body).await?;
        client.read(action, response).await.map(drop)
    }
}
