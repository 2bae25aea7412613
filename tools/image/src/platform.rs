//! What an image runs on, and which of several images is for a machine.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What an image runs on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a platform: an object with `os` and `architecture`"
)]
pub struct Platform {
    /// The operating system, as Go names it: `linux`.
    pub os: String,
    /// The processor architecture, as Go names it: `amd64`.
    pub architecture: String,
    /// The architecture's variant, such as `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// That of the machine on which this program runs.
    pub fn of_this_machine() -> Self {
        Self {
            os: std::env::consts::OS.to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            variant: None,
        }
        .normalized()
    }

    /// The same for all platforms that engines take for one another.
    /// See <https://github.com/containerd/platforms/blob/v0.2.1/database.go>.
    pub fn normalized(&self) -> Self {
        let (architecture, named) = match self.architecture.as_str() {
            "x86_64" | "x86-64" => ("amd64", None),
            "aarch64" => ("arm64", None),
            "armhf" => ("arm", Some("v7")),
            "armel" => ("arm", Some("v6")),
            other => (other, None),
        };
        let variant = match (architecture, self.variant.as_deref().or(named)) {
            ("arm64", Some("v8" | "8")) | ("amd64", Some("v1")) => None,
            ("arm", None | Some("7")) => Some("v7"),
            (_, variant) => variant,
        };
        Self {
            os: self.os.clone(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        }
    }

    /// The platforms whose images run on this one, the best first: itself, and those with an older variant.
    /// See <https://github.com/containerd/platforms/blob/v0.2.1/compare.go>.
    fn accepted(&self) -> Vec<Self> {
        let normalized = self.normalized();
        let version = |variant: &str| variant.strip_prefix('v')?.parse::<u8>().ok();
        let newest = match (normalized.architecture.as_str(), &normalized.variant) {
            ("amd64" | "arm", Some(variant)) => version(variant).map(|newest| (newest, 1)),
            ("arm64", Some(variant)) => version(variant).map(|newest| (newest, 8)),
            _ => None,
        };
        let Some((newest, oldest)) = newest else {
            return vec![normalized];
        };
        let with_variant = |version: u8| {
            Self {
                variant: Some(format!("v{version}")),
                ..normalized.clone()
            }
            .normalized()
        };
        (oldest..=newest).rev().map(with_variant).collect()
    }

    /// The place, in a list of images' platforms, of the one that a machine of this platform takes. Of several that are
    /// equally good it is the first.
    ///
    /// # Errors
    /// If none of them runs on it; the message lists them.
    pub fn choose(&self, images: &[Self]) -> Result<usize, Error> {
        let place = |accepted: &Self| {
            images
                .iter()
                .position(|image| image.normalized() == *accepted)
        };
        let found = self.accepted().iter().find_map(place);
        found.ok_or_else(|| Error::NoSuchPlatform {
            wanted: self.to_string(),
            found: images.iter().map(Self::to_string).collect(),
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(formatter, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Platform {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts: Vec<_> = text.split('/').collect();
        let (os, architecture, variant) = match parts[..] {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant)),
            _ => ("", "", None),
        };
        if os.is_empty() || architecture.is_empty() || variant == Some("") {
            return Err(Error::NotAPlatform {
                text: text.to_owned(),
            });
        }
        Ok(Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn platforms(texts: &[&str]) -> Vec<Platform> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_platform_is_parsed_and_printed() {
        for text in ["linux/amd64", "linux/arm/v7", "windows/amd64"] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_platform_is_refused() {
        for text in [
            "",
            "linux",
            "linux/",
            "/amd64",
            "linux/arm/",
            "linux/arm/v7/x",
        ] {
            let error = text.parse::<Platform>().unwrap_err().to_string();
            assert!(error.contains("linux/arm64"), "{error}");
        }
    }

    #[test]
    fn a_machine_takes_the_image_for_it() {
        for (machine, images, expected) in [
            ("linux/amd64", &["linux/arm64", "linux/amd64"][..], 1),
            ("linux/arm64", &["linux/arm/v7", "linux/arm64/v8"], 1),
            ("linux/arm64/v8", &["linux/amd64", "linux/arm64"], 1),
            ("linux/aarch64", &["linux/amd64", "linux/arm64"], 1),
            ("linux/arm", &["linux/arm/v6", "linux/arm/v7"], 1),
            // The best that it can run.
            ("linux/arm/v7", &["linux/arm/v5", "linux/arm/v6"], 1),
            ("linux/amd64/v3", &["linux/amd64", "linux/amd64/v2"], 1),
            ("linux/amd64/v3", &["linux/amd64"], 0),
            ("linux/arm64/v9", &["linux/arm64/v8"], 0),
            // Windows has many of one platform; what differs is not looked at here.
            ("windows/amd64", &["windows/amd64", "windows/amd64"], 0),
        ] {
            let machine: Platform = machine.parse().unwrap();
            assert_eq!(machine.choose(&platforms(images)).unwrap(), expected);
        }
    }

    #[test]
    fn without_an_image_for_it_the_error_lists_what_there_is() {
        for (machine, images) in [
            ("linux/s390x", &["linux/amd64", "linux/arm64"][..]),
            ("linux/amd64", &["linux/amd64/v3"]),
            ("linux/arm/v6", &["linux/arm"]),
            ("windows/amd64", &["linux/amd64"]),
        ] {
            let machine: Platform = machine.parse().unwrap();
            let error = machine.choose(&platforms(images)).unwrap_err().to_string();
            let found = format!("`{}`", images.join("`, `"));
            assert!(error.contains(&format!("`{machine}`")), "{error}");
            assert!(error.contains(&found), "{error}");
        }
    }
}
