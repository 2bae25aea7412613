//! What a test is given.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{LoadSpec, NamedImageSpec};

/// A test, and the images that are loaded before it starts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestSpec {
    /// The target that loads the images and starts the test, such as `//app:it`.
    pub label: String,
    /// The images, each once.
    pub images: Vec<NamedImageSpec>,
    /// Environment variables of the test, and the places in `images` of the images whose references they get.
    pub variables: BTreeMap<String, usize>,
    /// The test itself.
    pub test: WrappedTestSpec,
    /// What becomes of the test where there is no engine.
    pub without_engine: WithoutEngine,
    /// Whether the engine may be for another platform than an image: it emulates that.
    pub emulation: bool,
}

/// A test as it would be without the images.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrappedTestSpec {
    /// The test's target, such as `//app:it_test`.
    pub label: String,
    /// Its executable, a runfiles path.
    pub executable: String,
    /// Its own arguments, which come before those of the command line.
    pub arguments: Vec<String>,
}

/// What becomes of a test where there is no engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WithoutEngine {
    /// It fails.
    Fail,
    /// It is skipped.
    Skip,
}

impl TestSpec {
    /// The load of its images.
    pub fn load(&self) -> LoadSpec {
        LoadSpec {
            label: self.label.clone(),
            images: self.images.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::DeliverySpec;
    use super::*;

    const TEST: &str = r#"{"kind":"test","label":"//app:it","images":[],"variables":{"APP_IMAGE":0},
        "test":{"label":"//app:it_test","executable":"_main/app/it_test","arguments":["--fast"]},
        "without_engine":"skip","emulation":false}"#;

    #[test]
    fn what_the_rule_writes_is_read() -> serde_json::Result<()> {
        let DeliverySpec::Test(spec) = serde_json::from_str(TEST)? else {
            return Err(serde::de::Error::custom("another kind"));
        };
        assert_eq!(spec.variables["APP_IMAGE"], 0);
        assert_eq!(spec.without_engine, WithoutEngine::Skip);
        let other = TEST.replace("skip", "ignore");
        assert!(serde_json::from_str::<DeliverySpec>(&other).is_err());
        Ok(())
    }
}
