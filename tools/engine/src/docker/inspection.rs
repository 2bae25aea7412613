//! What Docker tells about an image.

use serde::de::IgnoredAny;
use serde::Deserialize;
use stevedore_image::digest::Digest;

use crate::engine::ImageFacts;
use crate::identity::Store;

/// The part of `GET /images/{name}/json` that is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspection {
    id: Digest,
    repo_tags: Option<Vec<String>>,
    /// Empty if the containerd store lacks the config, or cannot tell the image's platform.
    #[serde(rename = "RootFS", default)]
    root_fs: RootFs,
    #[serde(default)]
    graph_driver: GraphDriver,
    /// With the containerd store, from API 1.48 on.
    descriptor: Option<IgnoredAny>,
    /// With the containerd store, if `manifests=1` asked for them.
    manifests: Option<Vec<Manifest>>,
}

#[derive(Default, Deserialize)]
struct RootFs {
    #[serde(rename = "Layers", default)]
    layers: Vec<Digest>,
}

#[derive(Default, Deserialize)]
struct GraphDriver {
    #[serde(rename = "Data")]
    data: Option<IgnoredAny>,
}

/// A manifest of the image: one, unless the image is for many platforms.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Manifest {
    available: bool,
}

impl Inspection {
    /// Where the engine keeps the image, as far as the answer shows it. `tells_descriptor`: the engine is new enough
    /// to give the descriptor, if its store has such.
    pub(super) fn store(&self, tells_descriptor: bool) -> Option<Store> {
        match (&self.descriptor, &self.graph_driver.data) {
            (Some(_), _) => Some(Store::Containerd),
            (None, Some(_)) => Some(Store::Graphdriver),
            // The driver `vfs` has no data, nor have images without layers.
            (None, None) => tells_descriptor.then_some(Store::Graphdriver),
        }
    }

    /// What a delivery needs of it.
    pub(super) fn facts(self) -> ImageFacts {
        let names = self.repo_tags.unwrap_or_default();
        let manifests = self.manifests;
        ImageFacts {
            id: self.id,
            diff_ids: self.root_fs.layers,
            references: names.iter().filter_map(|name| name.parse().ok()).collect(),
            is_available: manifests.map(|all| all.iter().all(|manifest| manifest.available)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn inspection(fields: &str) -> serde_json::Result<Inspection> {
        serde_json::from_str(&format!(r#"{{"Id":"{ID}",{fields}}}"#))
    }

    #[test]
    fn the_store_is_read_from_the_answer() -> serde_json::Result<()> {
        let containerd = r#""GraphDriver":{"Data":null,"Name":"overlayfs"}"#;
        let descriptor = format!(r#"{containerd},"Descriptor":{{"size":1}}"#);
        let graphdriver = r#""GraphDriver":{"Data":{"LowerDir":"/"},"Name":"overlay2"}"#;
        for (fields, from_28, before) in [
            (
                descriptor.as_str(),
                Some(Store::Containerd),
                Some(Store::Containerd),
            ),
            (
                graphdriver,
                Some(Store::Graphdriver),
                Some(Store::Graphdriver),
            ),
            (containerd, Some(Store::Graphdriver), None),
            (r#""RepoTags":null"#, Some(Store::Graphdriver), None),
        ] {
            let inspection = inspection(fields)?;
            assert_eq!(inspection.store(true), from_28, "{fields}");
            assert_eq!(inspection.store(false), before, "{fields}");
        }
        Ok(())
    }

    #[test]
    fn an_image_that_is_not_all_there_is_told() -> serde_json::Result<()> {
        let broken = inspection(
            r#""RepoTags":[],"RootFS":{},"Manifests":[{"Available":false,"Kind":"unknown"}]"#,
        )?;
        let facts = broken.facts();
        assert_eq!(facts.is_available, Some(false));
        assert!(facts.diff_ids.is_empty() && facts.references.is_empty());
        let layers = format!(r#""RepoTags":["app:dev","x/y:1"],"RootFS":{{"Layers":["{ID}"]}}"#);
        let facts = inspection(&layers)?.facts();
        assert_eq!(facts.is_available, None);
        assert_eq!(facts.diff_ids.len(), 1);
        let names: Vec<String> = facts.references.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["app:dev", "x/y:1"]);
        Ok(())
    }
}
