//! What an engine has: all images with their names, and which of them containers need.

use std::collections::HashSet;
use std::future::Future;

use hyper::Method;
use serde::de::DeserializeOwned;
use serde::Deserialize;
use stevedore_image::digest::Digest;
use stevedore_image::reference::Reference;

use crate::docker::Docker;
use crate::engine::Engine;
use crate::error::{Action, Error};
use crate::podman_command::PodmanCommand;

/// An engine that tells what it has.
pub trait Inventory: Engine {
    /// All images that can be seen, with their names. One request.
    fn images(&self) -> impl Future<Output = Result<Vec<ListedImage>, Error>>;

    /// The IDs of the images that containers have been made of, whether these run or not. One request.
    fn images_in_use(&self) -> impl Future<Output = Result<HashSet<Digest>, Error>>;
}

/// An image in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedImage {
    /// The ID under which the engine keeps it.
    pub id: Digest,
    /// Its names.
    pub references: Vec<Reference>,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "Id")]
    id: String,
    /// What podman's command calls them.
    #[serde(rename = "Names")]
    names: Option<Vec<String>>,
    #[serde(rename = "RepoTags")]
    repo_tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Container {
    #[serde(rename = "ImageID")]
    image: String,
}

impl Inventory for Docker {
    async fn images(&self) -> Result<Vec<ListedImage>, Error> {
        let images: Vec<Image> = self.list("/images/json").await?;
        Ok(images.into_iter().filter_map(Image::listed).collect())
    }

    async fn images_in_use(&self) -> Result<HashSet<Digest>, Error> {
        let containers: Vec<Container> = self.list("/containers/json?all=1").await?;
        Ok(images_of(containers))
    }
}

impl Docker {
    async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let action = Action::ListImages;
        let response = self.client().call(action, Method::GET, path).await?;
        self.client().read_json(action, response).await
    }
}

impl Inventory for PodmanCommand {
    async fn images(&self) -> Result<Vec<ListedImage>, Error> {
        let arguments = ["images", "--no-trunc", "--format=json"];
        let images: Vec<Image> = self.run_for_json(Action::ListImages, arguments).await?;
        Ok(images.into_iter().filter_map(Image::listed).collect())
    }

    async fn images_in_use(&self) -> Result<HashSet<Digest>, Error> {
        let arguments = ["ps", "--all", "--no-trunc", "--format=json"];
        let containers: Vec<Container> = self.run_for_json(Action::ListImages, arguments).await?;
        Ok(images_of(containers))
    }
}

impl Image {
    /// `None` for what has no ID that can be read: there is no such image.
    fn listed(self) -> Option<ListedImage> {
        let names = self.names.or(self.repo_tags).unwrap_or_default();
        Some(ListedImage {
            id: digest(&self.id)?,
            // Among them may be `<none>:<none>`, which is no name.
            references: names.iter().filter_map(|name| name.parse().ok()).collect(),
        })
    }
}

fn images_of(containers: Vec<Container>) -> HashSet<Digest> {
    let images = containers.iter();
    images
        .filter_map(|container| digest(&container.image))
        .collect()
}

/// Podman leaves `sha256:` out.
fn digest(id: &str) -> Option<Digest> {
    Digest::from_hex(id.strip_prefix("sha256:").unwrap_or(id)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_docker_and_podman_write_them() -> serde_json::Result<()> {
        let id = Digest::of(b"config");
        let hex = id.hex();
        for text in [
            format!(r#"{{"Id":"{id}","RepoTags":["app:dev","<none>:<none>"]}}"#),
            format!(r#"{{"Id":"{hex}","Names":["docker.io/library/app:dev"],"RepoTags":null}}"#),
        ] {
            let image = serde_json::from_str::<Image>(&text)?.listed();
            let expected = ListedImage {
                id,
                references: "app:dev".parse().into_iter().collect(),
            };
            assert_eq!(image, Some(expected), "{text}");
        }
        for text in [format!("{id}"), hex.to_string()] {
            let container =
                serde_json::from_str(&format!(r#"{{"ImageID":"{text}","Image":"x"}}"#))?;
            assert_eq!(images_of(vec![container]), HashSet::from([id]));
        }
        Ok(())
    }
}
