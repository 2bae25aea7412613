//! Image indexes: lists of images, of which an engine takes the one for its platform.
//!
//! See <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md>.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::description::BlobDescription;
use crate::digest::Content;
use crate::error::Error;
use crate::image_files::ImageFiles;
use crate::json;
use crate::manifest::ManifestSpec;
use crate::media_type;
use crate::platform;

/// An image that becomes part of an index.
#[derive(Clone, Debug)]
pub struct Member {
    label: String,
    manifest: BlobDescription,
    platform: Platform,
}

impl Member {
    /// Reads manifest and config of an image. `label` is its target, for messages.
    ///
    /// # Errors
    /// If a file cannot be read or is not what it should be, or they are not of one image.
    pub fn load(label: &str, manifest: &Path, config: &Path) -> Result<Self, Error> {
        let files = ImageFiles::load(config)?.with_manifest(manifest)?;
        Ok(Self {
            label: label.to_owned(),
            manifest: BlobDescription::new(
                files.manifest()?.media_type(),
                Content::of(files.manifest_bytes()),
            ),
            platform: json::parse(config, files.config_bytes())?,
        })
    }
}

#[derive(Serialize)]
struct Index<'a> {
    #[serde(rename = "schemaVersion")]
    schema_version: u32,
    #[serde(rename = "mediaType")]
    media_type: &'a str,
    manifests: Vec<Reference<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Reference<'a> {
    #[serde(flatten)]
    blob: &'a BlobDescription,
    platform: &'a Platform,
}

/// Makes the index of images, in their order. Each is told with what its config says that it is for.
///
/// # Errors
/// If two of them are for the same platform.
pub fn assemble(spec: &ManifestSpec, members: &[Member]) -> Result<Vec<u8>, Error> {
    let mut labels = BTreeMap::new();
    for member in members {
        if let Some(first) = labels.insert(member.platform.normalized(), &member.label) {
            return Err(Error::SamePlatform {
                platform: member.platform.to_string(),
                first: first.clone(),
                second: member.label.clone(),
            });
        }
    }
    json::to_bytes(&Index {
        schema_version: 2,
        media_type: media_type::OCI_INDEX,
        manifests: members
            .iter()
            .map(|member| Reference {
                blob: &member.manifest,
                platform: &member.platform,
            })
            .collect(),
        annotations: &spec.annotations,
    })
}

/// What an image is for. The fields are those of its config; others of the config are of no interest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(expecting = "an image config: an object with `os` and `architecture`")]
struct Platform {
    architecture: String,
    os: String,
    #[serde(rename = "os.version", skip_serializing_if = "Option::is_none")]
    os_version: Option<String>,
    #[serde(rename = "os.features", skip_serializing_if = "Option::is_none")]
    os_features: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
}

impl Platform {
    /// The same for all platforms that engines take for one another.
    fn normalized(&self) -> Self {
        let platform::Platform {
            os,
            architecture,
            variant,
        } = self.plain().normalized();
        Self {
            os,
            architecture,
            variant,
            ..self.clone()
        }
    }

    /// Without what only Windows has.
    fn plain(&self) -> platform::Platform {
        platform::Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone(),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.plain())?;
        match &self.os_version {
            Some(version) => write!(formatter, " ({version})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn member(label: &str, config: &str) -> Member {
        Member {
            label: label.to_owned(),
            manifest: BlobDescription::new(
                media_type::DOCKER_MANIFEST,
                Content::of(label.as_bytes()),
            ),
            platform: serde_json::from_str(config).unwrap(),
        }
    }

    fn assembled(members: &[Member]) -> Result<serde_json::Value, Error> {
        let spec = ManifestSpec {
            label: "//:index".to_owned(),
            annotations: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        };
        let bytes = assemble(&spec, members)?;
        Ok(serde_json::from_slice(&bytes).unwrap())
    }

    #[test]
    fn every_image_is_told_with_its_platform() {
        let windows = r#"{"os":"windows","architecture":"amd64","os.version":"10.0.17763.1","os.features":["win32k"],"config":{}}"#;
        let members = [
            member("a", r#"{"os":"linux","architecture":"arm","variant":"v6"}"#),
            member("b", windows),
        ];
        let index = assembled(&members).unwrap();
        let content = Content::of(b"a");
        assert_eq!(
            index["manifests"][0],
            serde_json::json!({
                "mediaType": media_type::DOCKER_MANIFEST,
                "digest": content.digest,
                "size": content.size,
                "platform": {"architecture": "arm", "os": "linux", "variant": "v6"},
            })
        );
        assert_eq!(
            index["manifests"][1]["platform"],
            serde_json::json!({
                "architecture": "amd64", "os": "windows",
                "os.version": "10.0.17763.1", "os.features": ["win32k"],
            })
        );
        assert_eq!(index["schemaVersion"], 2);
        assert_eq!(index["mediaType"], media_type::OCI_INDEX);
        assert_eq!(index["annotations"], serde_json::json!({"a": "b"}));
    }

    #[test]
    fn two_images_for_one_platform_are_refused() {
        let linux = |architecture: &str, more: &str| {
            format!(r#"{{"os":"linux","architecture":"{architecture}"{more}}}"#)
        };
        let same = [
            (("arm64", ""), ("arm64", r#","variant":"v8""#)),
            (("arm", ""), ("arm", r#","variant":"v7""#)),
            (("amd64", ""), ("amd64", "")),
        ];
        for ((first, first_more), (second, second_more)) in same {
            let members = [
                member("//:a", &linux(first, first_more)),
                member("//:b", &linux(second, second_more)),
            ];
            let error = assembled(&members).unwrap_err().to_string();
            let expected = format!("`//:a` and `//:b` are both for `linux/{second}");
            assert!(error.starts_with(&expected), "{error}");
        }
        let different = [
            member("a", &linux("arm", r#","variant":"v6""#)),
            member("b", &linux("arm", "")),
            member("c", &linux("amd64", r#","os.version":"1""#)),
            member("d", &linux("amd64", r#","os.version":"2""#)),
            member("e", &linux("amd64", r#","variant":"v3""#)),
        ];
        assembled(&different).unwrap();
    }
}
