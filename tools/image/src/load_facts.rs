//! What a load will bring, told before anything is loaded: the JSON file that a load's target is built to.

use serde::Serialize;

use crate::description::ImageDescription;
use crate::digest::Digest;
use crate::error::Error;
use crate::json;
use crate::load_manifest::LoadManifest;
use crate::reference::Reference;

/// The images of a load.
///
/// In JSON, the only image of a load has its fields at the top too, so that who loads one image need not look into a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoadFacts {
    label: String,
    #[serde(flatten)]
    only: Option<ImageFacts>,
    images: Vec<LabelledFacts>,
}

/// One image, and its target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct LabelledFacts {
    label: String,
    #[serde(flatten)]
    facts: ImageFacts,
}

/// What an engine has when the image is loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageFacts {
    /// The image's ID: that of an engine, or the digest of the config before it is known which one it will be.
    pub image_id: Digest,
    /// The digest of the config: the ID in Docker's graph driver store and in podman.
    pub config_digest: Digest,
    /// The digest of the manifest under which a load brings the image: the ID in Docker's containerd store and in containerd.
    pub manifest_digest: Digest,
    /// The image's names, as Docker shows them.
    pub references: Vec<String>,
    /// What it runs on, such as `linux/arm64/v8`.
    pub platform: String,
}

impl ImageFacts {
    /// What follows from the description of an image and its names.
    ///
    /// # Errors
    /// None that input can cause: only if the manifest has no JSON form.
    pub fn new(image: &ImageDescription, references: &[Reference]) -> Result<Self, Error> {
        let manifest = LoadManifest::of_blobs(image)?.descriptor().digest;
        Ok(Self {
            image_id: image.config.digest,
            config_digest: image.config.digest,
            manifest_digest: manifest,
            references: references.iter().map(Reference::familiar).collect(),
            platform: image.platform.to_string(),
        })
    }
}

impl LoadFacts {
    /// The facts of the images, each with its target, that `label` loads.
    pub fn new(label: String, images: Vec<(String, ImageFacts)>) -> Self {
        Self {
            label,
            only: match &images[..] {
                [(_, facts)] => Some(facts.clone()),
                _ => None,
            },
            images: images
                .into_iter()
                .map(|(label, facts)| LabelledFacts { label, facts })
                .collect(),
        }
    }

    /// The JSON text, without a newline at the end.
    ///
    /// # Errors
    /// None that input can cause: only if this has no JSON form.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        json::to_bytes(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::description::{BlobDescription, LayerDescription, Platform};
    use crate::digest::Content;
    use crate::media_type;

    fn facts(reference: &str) -> ImageFacts {
        let image = ImageDescription {
            config: BlobDescription::new(media_type::OCI_CONFIG, Content::of(b"{}")),
            platform: Platform {
                os: "linux".to_owned(),
                architecture: "arm64".to_owned(),
                variant: Some("v8".to_owned()),
            },
            layers: vec![LayerDescription::new(Content::of(b"layer"))],
        };
        ImageFacts::new(&image, &[reference.parse().unwrap()]).unwrap()
    }

    fn document(facts: &LoadFacts) -> serde_json::Value {
        serde_json::from_slice(&facts.to_json().unwrap()).unwrap()
    }

    #[test]
    fn the_only_image_is_told_at_the_top_too() {
        let facts = facts("docker.io/library/app:dev");
        let (config, manifest) = (facts.config_digest, facts.manifest_digest);
        assert_ne!(config, manifest);
        let document = document(&LoadFacts::new(
            "//app:load".to_owned(),
            vec![("//app:image".to_owned(), facts)],
        ));
        let image = |label| {
            serde_json::json!({"label": label, "image_id": config, "config_digest": config, "manifest_digest": manifest,
                "references": ["app:dev"], "platform": "linux/arm64/v8"})
        };
        let mut expected = image("//app:load");
        expected["images"] = serde_json::json!([image("//app:image")]);
        assert_eq!(document, expected);
    }

    #[test]
    fn several_images_are_told_in_the_list_alone() {
        let images = [("//app:a", "a"), ("//app:b", "b")];
        let images = images.map(|(label, reference)| (label.to_owned(), facts(reference)));
        let document = document(&LoadFacts::new("//app:load".to_owned(), images.into()));
        assert_eq!(document["label"], "//app:load");
        assert_eq!(document.get("image_id"), None);
        assert_eq!(document["images"][1]["label"], "//app:b");
        assert_eq!(document["images"][1]["references"][0], "b:latest");
    }
}
