//! The file that the Starlark rules write beside an executable: what it delivers.
//!
//! It is written by `oci/private/delivery_spec.bzl`; the two change together.

mod container;
mod image_test;
mod prune;
mod test;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use container::{EngineSpec, Network};
pub use image_test::{ContainersSpec, ImageTestSpec};
pub use prune::PruneSpec;
pub use test::{TestSpec, WithoutEngine, WrappedTestSpec};

/// What is to be delivered, and how.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "a program reads one")]
pub enum DeliverySpec {
    /// Into a container engine.
    Load(LoadSpec),
    /// Into registries.
    Push(PushSpec),
    /// Into a container engine, for a test that takes the loader's place then.
    Test(TestSpec),
    /// Nowhere, or into a container engine: it is compared with what is expected of it.
    ImageTest(ImageTestSpec),
    /// Nothing: images that were loaded for tests are removed from a container engine.
    Prune(PruneSpec),
}

/// Images that are to be loaded into a container engine. All paths are runfiles paths, such as `_main/app/x.tar`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadSpec {
    /// The target that loads them, such as `//app:load`.
    pub label: String,
    /// The images, one at least.
    pub images: Vec<NamedImageSpec>,
}

/// An image, or several of which the engine gets one, and the names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedImageSpec {
    /// What is loaded.
    pub content: LoadedSpec,
    /// A file with the names that the image gets, one a line.
    pub tags: String,
}

/// What is loaded under some names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LoadedSpec {
    /// One image.
    Image(ImageSpec),
    /// Several, for different platforms: one of them is loaded.
    Index(LoadedIndexSpec),
}

impl LoadedSpec {
    /// The target of the image or index.
    pub fn label(&self) -> &str {
        match self {
            Self::Image(image) => &image.label,
            Self::Index(index) => &index.label,
        }
    }
}

/// The images of an index.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadedIndexSpec {
    /// The index's target, such as `//app:index`.
    pub label: String,
    /// Its images, one at least.
    pub images: Vec<ImageSpec>,
}

/// The file that has a layer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LayerFileSpec {
    /// The uncompressed tar.
    Tar(String),
    /// The blob that the description names, compressed or not.
    Blob(String),
}

/// The files of an image.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageSpec {
    /// The image's target, such as `//app:image`.
    pub label: String,
    /// The config.
    pub config: String,
    /// The image's description.
    pub description: String,
    /// The files of the image's upper layers, the lowest of them first; `None` for one that is fetched from the registry
    /// that the description names.
    pub layers: Vec<Option<LayerFileSpec>>,
    /// The OCI layout that holds the blobs of the layers below those.
    pub base_layout: Option<String>,
}

/// Images and indexes that are to be pushed into registries. All paths are runfiles paths.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushSpec {
    /// The target that pushes them, such as `//app:push`.
    pub label: String,
    /// What is pushed, one at least.
    pub images: Vec<ParcelSpec>,
}

/// An image or an index, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParcelSpec {
    /// A file with the repositories and tags, see [`stevedore_image::destinations`].
    pub destinations: String,
    /// What goes there.
    pub content: ContentSpec,
}

/// What is pushed under one manifest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ContentSpec {
    /// One image.
    Image(PushedImageSpec),
    /// Several, for different platforms.
    Index(IndexSpec),
}

/// The files of an image that is pushed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushedImageSpec {
    /// The image's target, such as `//app:image`.
    pub label: String,
    /// The manifest.
    pub manifest: String,
    /// The config.
    pub config: String,
    /// The image's description.
    pub description: String,
    /// The blobs of the image's upper layers, the lowest of them first; `None` for one that is fetched from the registry
    /// that the description names.
    pub blobs: Vec<Option<String>>,
    /// The OCI layout that holds the blobs of the layers below those.
    pub base_layout: Option<String>,
}

/// The files of an index.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexSpec {
    /// The index's target, such as `//app:index`.
    pub label: String,
    /// The index itself.
    pub manifest: String,
    /// Its images.
    pub images: Vec<PushedImageSpec>,
}

/// Why there is no usable [`DeliverySpec`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The file cannot be read.
    #[error("failed to read the delivery file `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not what the rules write.
    #[error("`{path}` is no delivery file; were it and this tool built from the same version of rules_stevedore?")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: serde_json::Error,
    },
}

impl DeliverySpec {
    /// Reads a delivery file.
    ///
    /// # Errors
    /// If it cannot be read, has another shape, or a field that is not known here.
    pub fn read(path: &Path) -> Result<Self, SpecError> {
        let text = fs::read(path).map_err(|source| SpecError::Read {
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_slice(&text).map_err(|source| SpecError::Parse {
            path: path.to_owned(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOAD: &str = r#"{"kind":"load","label":"//app:load","images":[{"content":{"image":{
        "label":"//app:image","config":"_main/app/image.config.json",
        "description":"_main/app/image.description.json","layers":[null,{"tar":"_main/app/x.tar"}],"base_layout":null}},
        "tags":"_main/app/load.tags"}]}"#;

    #[test]
    fn what_the_rules_write_is_read() -> serde_json::Result<()> {
        let DeliverySpec::Load(spec) = serde_json::from_str(LOAD)? else {
            return Err(serde::de::Error::custom("another kind"));
        };
        let LoadedSpec::Image(image) = &spec.images[0].content else {
            return Err(serde::de::Error::custom("an index"));
        };
        let tar = LayerFileSpec::Tar("_main/app/x.tar".to_owned());
        assert_eq!(image.layers, [None, Some(tar)]);
        assert_eq!(image.base_layout, None);
        Ok(())
    }

    #[test]
    fn a_push_has_images_and_indexes() -> serde_json::Result<()> {
        let image = r#"{"label":"//app:image","manifest":"m","config":"c","description":"d","blobs":["b",null],"base_layout":null}"#;
        let text = format!(
            r#"{{"kind":"push","label":"//app:push","images":[{{"destinations":"x","content":{{"image":{image}}}}},
            {{"destinations":"y","content":{{"index":{{"label":"//app:index","manifest":"i","images":[{image}]}}}}}}]}}"#
        );
        let spec: DeliverySpec = serde_json::from_str(&text)?;
        assert!(matches!(spec, DeliverySpec::Push(spec) if spec.images.len() == 2));
        let other = text.replace("\"blobs\"", "\"layers\"");
        assert!(serde_json::from_str::<DeliverySpec>(&other).is_err());
        Ok(())
    }

    #[test]
    fn other_fields_and_kinds_are_refused() {
        for (from, to) in [
            ("\"tags\"", "\"labels\":1,\"tags\""),
            ("\"layers\":", "\"blobs\":[],\"layers\":"),
            ("\"load\"", "\"launch\""),
            ("\"images\":", "\"image\":"),
            ("{\"tar\":\"_main/app/x.tar\"}", "\"_main/app/x.tar\""),
        ] {
            let text = LOAD.replacen(from, to, 1);
            assert!(
                serde_json::from_str::<DeliverySpec>(&text).is_err(),
                "{text}"
            );
        }
    }
}
