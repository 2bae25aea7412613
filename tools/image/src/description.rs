//! The image description: what an image is, without its bytes.
//!
//! It is what a build action computes and what every delivery reads.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::digest::{Content, Digest};
use crate::error::Error;
use crate::json;
pub use crate::platform::Platform;
use crate::repository::Repository;

/// Names a blob: what it is, its digest and its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a blob: an object with `mediaType`, `digest` and `size`"
)]
pub struct BlobDescription {
    /// What the blob is, see [`crate::media_type`].
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// The digest of the blob's bytes, compressed as they are.
    pub digest: Digest,
    /// The number of the blob's bytes.
    pub size: u64,
}

impl BlobDescription {
    /// Describes content of a media type.
    pub fn new(media_type: &str, content: Content) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: content.digest,
            size: content.size,
        }
    }

    /// The digest and size alone.
    pub fn content(&self) -> Content {
        Content {
            digest: self.digest,
            size: self.size,
        }
    }

    /// Reads a `.blob.json` file.
    ///
    /// # Errors
    /// If the file cannot be read, or is not such a description.
    pub fn load(path: &Path) -> Result<Self, Error> {
        json::load(path)
    }
}

/// Describes a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a layer: an object with `diff_id`")]
pub struct LayerDescription {
    /// The digest of the uncompressed tar.
    pub diff_id: Digest,
    /// The number of bytes of the uncompressed tar; `None` if nobody has read them yet: a registry does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The blob as an imported layout, or a registry, has it. A layer that was built here has none in this file: its blob
    /// is described by a file of its own, so that a load needs no compression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<BlobDescription>,
    /// Where a registry has the blob: the repository that it was pulled from. A push into the same registry need not
    /// send it. No digest of an image depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
    /// How the blob is fetched from there by whoever needs its bytes; `None` if they are in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<Remote>,
}

/// How a repository is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `insecure` and `mirrors`"
)]
pub struct Remote {
    /// Whether plain HTTP, and a certificate that nobody vouches for, will do.
    #[serde(default)]
    pub insecure: bool,
    /// Where the blob is looked for first, each a host with a path before the repository's own, or without:
    /// `mirror.example/docker-hub`.
    #[serde(default)]
    pub mirrors: Vec<String>,
}

impl LayerDescription {
    /// Describes an uncompressed tar.
    pub fn new(tar: Content) -> Self {
        Self {
            diff_id: tar.digest,
            size: Some(tar.size),
            blob: None,
            repository: None,
            remote: None,
        }
    }

    /// The digest and size of the uncompressed tar; `None` if the size is not known.
    pub fn tar(&self) -> Option<Content> {
        self.size.map(|size| Content {
            digest: self.diff_id,
            size,
        })
    }

    /// Reads a `.layer.json` file.
    ///
    /// # Errors
    /// If the file cannot be read, or is not such a description.
    pub fn load(path: &Path) -> Result<Self, Error> {
        json::load(path)
    }
}

/// Describes an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an image: an object with `config`, `platform` and `layers`"
)]
pub struct ImageDescription {
    /// The config. Its digest is the image's ID in a Docker engine.
    pub config: BlobDescription,
    /// What the image runs on.
    pub platform: Platform,
    /// The layers, the bottom one first. There may be none, and one may occur twice.
    pub layers: Vec<LayerDescription>,
}

impl ImageDescription {
    /// Reads a `.description.json` file.
    ///
    /// # Errors
    /// If the file cannot be read, or is not such a description.
    pub fn load(path: &Path) -> Result<Self, Error> {
        json::load(path)
    }

    /// Parses the JSON text of a description that came from `path`, which only errors name.
    ///
    /// # Errors
    /// If the text is not such a description.
    pub fn parse(path: &Path, text: &[u8]) -> Result<Self, Error> {
        json::parse(path, text)
    }

    /// The chain IDs of the layers: each is the digest that stands for a layer and all below it.
    ///
    /// See <https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md#layer-chainid>.
    pub fn chain_ids(&self) -> Vec<Digest> {
        let mut chain: Vec<Digest> = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            chain.push(match chain.last() {
                None => layer.diff_id,
                Some(below) => Digest::of(format!("{below} {}", layer.diff_id).as_bytes()),
            });
        }
        chain
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn description_survives_a_round_trip() {
        let text = r#"{"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0},"platform":{"os":"linux","architecture":"arm64","variant":"v8"},"layers":[{"diff_id":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0}]}"#;
        let description =
            ImageDescription::parse(Path::new("x.description.json"), text.as_bytes()).unwrap();
        assert_eq!(description.platform.to_string(), "linux/arm64/v8");
        assert_eq!(serde_json::to_string(&description).unwrap(), text);
    }

    #[test]
    fn a_layer_may_have_the_repository_that_it_came_from() {
        let text = r#"{"diff_id":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0,"repository":"docker.io/library/debian"}"#;
        let layer: LayerDescription = json::parse(Path::new("x"), text.as_bytes()).unwrap();
        let repository = layer.repository.unwrap();
        assert_eq!(repository.domain(), "docker.io");
        assert_eq!(repository.path(), "library/debian");
        let text = text.replace("docker.io/library/debian", "debian:12");
        json::parse::<LayerDescription>(Path::new("x"), text.as_bytes()).unwrap_err();
    }

    #[test]
    fn a_chain_id_stands_for_a_layer_and_all_below_it() {
        let text = r#"{"config":{"mediaType":"x","digest":"sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb","size":0},"platform":{"os":"linux","architecture":"arm64"},"layers":[{"diff_id":"sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb","size":1},{"diff_id":"sha256:3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d","size":1},{"diff_id":"sha256:2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6","size":1}]}"#;
        let description = ImageDescription::parse(Path::new("x"), text.as_bytes()).unwrap();
        let chain: Vec<String> = description
            .chain_ids()
            .iter()
            .map(Digest::to_string)
            .collect();
        assert_eq!(
            chain,
            [
                "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
                "sha256:51c0c8ace48498d6f5fee6b0592cc06f2da0f3cbe09c5a34a97dce85c3889676",
                "sha256:2fce7f8ce91bcf0a1428b36e1024639fdbd9469eea762dba98aa749631885106"
            ]
        );
    }

    #[test]
    fn a_wrong_type_names_file_and_place() {
        let cases = [
            ("[]", "`x.json` has an array: expected a JSON object"),
            ("", "`x.json` has nothing: expected a JSON object"),
            (
                r#"{"config": []}"#,
                "expected a blob: an object with `mediaType`",
            ),
            (
                r#"{"config": 1}"#,
                "expected a blob: an object with `mediaType`",
            ),
            (r#"{"layers": {}}"#, "expected a sequence at line 1"),
        ];
        for (text, expected) in cases {
            let error = ImageDescription::parse(Path::new("x.json"), text.as_bytes()).unwrap_err();
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let message = format!("{error} | {}", cause.unwrap_or_default());
            assert!(message.contains("`x.json`"), "{message}");
            assert!(message.contains(expected), "{message}");
        }
    }
}
