//! What the image in which commands run says about how they run.

use std::collections::BTreeMap;

use serde::Deserialize;
use stevedore_delivery::Image;
use stevedore_image::platform::Platform;

use crate::error::Error;

/// Where programs are looked for if nobody says it, as Docker has it
/// ([`oci/defaults.go`](https://github.com/moby/moby/blob/v28.5.2/oci/defaults.go), `DefaultPathEnv`).
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The part of an image's config that matters to commands that run in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BaseConfig {
    /// The environment variables.
    pub(crate) env: BTreeMap<String, String>,
    /// The user; empty for root.
    pub(crate) user: String,
    /// The working directory; empty for the root.
    pub(crate) workdir: String,
    /// The paths of volumes: what is written there is in no layer.
    pub(crate) volumes: Vec<String>,
    /// What it is for.
    pub(crate) platform: Option<Platform>,
}

/// See <https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md>.
#[derive(Deserialize)]
struct Document {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    config: Option<Config>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    env: Option<Vec<String>>,
    user: String,
    working_dir: String,
    volumes: Option<BTreeMap<String, serde::de::IgnoredAny>>,
}

impl BaseConfig {
    /// Reads the config of an image.
    ///
    /// # Errors
    /// If it is missing, or is none.
    pub(crate) fn of(image: &Image) -> Result<Self, Error> {
        let config = image.read_config()?;
        Self::read(&config).map_err(|source| Error::Config {
            label: image.label().to_owned(),
            source,
        })
    }

    /// Reads an image's config.
    ///
    /// # Errors
    /// If it is not JSON, or not a config.
    pub(crate) fn read(config: &[u8]) -> serde_json::Result<Self> {
        let document: Document = serde_json::from_slice(config)?;
        let config = document.config.unwrap_or_default();
        let variables = config.env.unwrap_or_default();
        let variables = variables.iter().map(|variable| {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            (name.to_owned(), value.to_owned())
        });
        let mut env: BTreeMap<_, _> = variables.collect();
        env.entry("PATH".to_owned())
            .or_insert_with(|| PATH.to_owned());
        let platform = document.os.zip(document.architecture);
        Ok(Self {
            env,
            user: config.user,
            workdir: config.working_dir,
            volumes: config.volumes.unwrap_or_default().into_keys().collect(),
            platform: platform.map(|(os, architecture)| {
                let variant = document.variant;
                let platform = Platform {
                    os,
                    architecture,
                    variant,
                };
                platform.normalized()
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_config_does_not_say_is_as_in_docker() -> serde_json::Result<()> {
        let base = BaseConfig::read(b"{}")?;
        assert_eq!(base.env["PATH"], PATH);
        assert_eq!((&*base.user, &*base.workdir), ("", ""));
        assert_eq!(base.platform, None);
        Ok(())
    }

    #[test]
    fn what_a_config_says_is_taken() -> serde_json::Result<()> {
        let base = BaseConfig::read(
            br#"{"os": "linux", "architecture": "arm64", "variant": "v8", "config": {"Env": ["PATH=/x", "A=b=c"],
                 "User": "u:g", "WorkingDir": "/w", "Volumes": {"/v": {}}, "Cmd": null}, "rootfs": {}}"#,
        )?;
        let env = [("A", "b=c"), ("PATH", "/x")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(base.env, BTreeMap::from(env));
        assert_eq!((&*base.user, &*base.workdir), ("u:g", "/w"));
        assert_eq!(base.volumes, ["/v"]);
        assert_eq!(base.platform, "linux/arm64".parse().ok());
        Ok(())
    }
}
