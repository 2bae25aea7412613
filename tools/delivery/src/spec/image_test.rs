//! What an image is expected to be.

use serde::Deserialize;
use stevedore_image_check::Expected;

use super::{EngineSpec, ImageSpec, LoadSpec, LoadedSpec, NamedImageSpec, Network, WithoutEngine};

/// An image, and what it is expected to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageTestSpec {
    /// The target that tests it, such as `//app:image_test`.
    pub label: String,
    /// The image. Files that are not needed are not there.
    pub image: ImageSpec,
    /// What it is expected to be. The expected contents of files are runfiles paths.
    pub expected: Expected,
    /// How commands are run; `None` if none is.
    pub containers: Option<ContainersSpec>,
}

/// How commands are run in containers of an image.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainersSpec {
    /// The agent, a runfiles path.
    pub agent: String,
    /// A file with the names that the image gets in an engine, one a line.
    pub tags: String,
    /// What runs them.
    pub engine: EngineSpec,
    /// What they can reach.
    pub network: Network,
    /// What becomes of them where there is no engine.
    pub without_engine: WithoutEngine,
    /// Whether the engine may be for another platform than the image: it emulates that.
    pub emulation: bool,
}

impl ImageTestSpec {
    /// The load of the image, for `containers`.
    pub fn load(&self, containers: &ContainersSpec) -> LoadSpec {
        LoadSpec {
            label: self.label.clone(),
            images: vec![NamedImageSpec {
                content: LoadedSpec::Image(self.image.clone()),
                tags: containers.tags.clone(),
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::DeliverySpec;
    use super::*;

    const TEST: &str = r#"{"kind": "image_test", "label": "//app:test",
        "image": {"label": "//app:image", "config": "c", "description": "d", "layers": [null], "base_layout": null},
        "expected": {"config": {"user": "app"}, "layers": {}, "files": {"/a": {"mode": null, "content_file": "_main/a"}},
            "commands": [{"name": "v", "argv": ["/v"], "timeout": 60}]},
        "containers": {"agent": "a", "tags": "t", "engine": "daemon", "network": "none", "without_engine": "skip",
            "emulation": false}}"#;

    #[test]
    fn what_the_rule_writes_is_read() -> serde_json::Result<()> {
        let DeliverySpec::ImageTest(spec) = serde_json::from_str(TEST)? else {
            return Err(serde::de::Error::custom("another kind"));
        };
        assert_eq!(spec.expected.commands[0].argv, ["/v"]);
        assert_eq!(
            spec.containers.map(|place| place.engine),
            Some(EngineSpec::Daemon)
        );
        for (from, to) in [("\"mode\"", "\"perm\""), ("\"skip\"", "\"ignore\"")] {
            let text = TEST.replacen(from, to, 1);
            assert!(
                serde_json::from_str::<DeliverySpec>(&text).is_err(),
                "{text}"
            );
        }
        Ok(())
    }
}
