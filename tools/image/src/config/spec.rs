//! The attributes of an image, as the build rules hand them over.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::Error;

/// What an image's attributes say about its config. Nothing that is not set changes what the base has.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "the fields are named like the attributes of oci_image"
)]
pub struct ConfigSpec {
    pub label: String,
    #[serde(default)]
    pub os: Option<String>,
    #[serde(default)]
    pub architecture: Option<String>,
    #[serde(default)]
    pub variant: Option<String>,
    /// The target platform, for an image without a base.
    pub target_os: String,
    pub target_architecture: String,
    #[serde(default)]
    pub target_variant: Option<String>,
    #[serde(default)]
    pub os_version: Option<String>,
    #[serde(default)]
    pub os_features: Vec<String>,
    /// RFC 3339, or seconds since the epoch; the epoch if not set.
    #[serde(default)]
    pub created: Option<String>,
    #[serde(default)]
    pub author: Option<String>,
    #[serde(default)]
    pub entrypoint: Option<Vec<String>>,
    #[serde(default)]
    pub cmd: Option<Vec<String>>,
    /// In order, since a value may refer to those before it.
    #[serde(default)]
    pub env: Vec<(String, String)>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub workdir: Option<String>,
    #[serde(default)]
    pub exposed_ports: Vec<String>,
    #[serde(default)]
    pub volumes: Vec<String>,
    #[serde(default)]
    pub stop_signal: Option<String>,
    #[serde(default)]
    pub healthcheck: Option<HealthCheckSpec>,
    /// Attributes whose value from the base is dropped.
    #[serde(default)]
    pub reset: Vec<String>,
    /// What the history tells of each layer, and then of what is no layer.
    #[serde(default)]
    pub history: Vec<String>,
    /// The comment in the history.
    #[serde(default)]
    pub comment: Option<String>,
    /// The labels of the layers, for what `history` does not tell; the image's own where there is none.
    #[serde(default)]
    pub layers: Vec<String>,
}

/// How to find out whether a container works. Times are written as in Go: `1m30s`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "the fields are named like those of oci_healthcheck"
)]
pub struct HealthCheckSpec {
    pub test: Vec<String>,
    #[serde(default)]
    pub interval: Option<String>,
    #[serde(default)]
    pub timeout: Option<String>,
    #[serde(default)]
    pub start_period: Option<String>,
    #[serde(default)]
    pub start_interval: Option<String>,
    #[serde(default)]
    pub retries: Option<u32>,
}

const RESETTABLE: [(&str, &str); 10] = [
    ("entrypoint", "Entrypoint"),
    ("cmd", "Cmd"),
    ("env", "Env"),
    ("labels", "Labels"),
    ("user", "User"),
    ("workdir", "WorkingDir"),
    ("exposed_ports", "ExposedPorts"),
    ("volumes", "Volumes"),
    ("stop_signal", "StopSignal"),
    ("healthcheck", "Healthcheck"),
];

impl ConfigSpec {
    /// The error for an attribute with a value that it cannot have.
    pub(super) fn invalid(&self, attribute: &'static str, found: &str, expected: &str) -> Error {
        Error::InvalidAttribute {
            label: self.label.clone(),
            attribute,
            found: found.to_owned(),
            expected: expected.to_owned(),
        }
    }

    /// The config's field of an attribute that can be reset.
    pub(super) fn field_of(&self, attribute: &str) -> Result<&'static str, Error> {
        RESETTABLE
            .iter()
            .find(|(name, _)| *name == attribute)
            .map(|(_, field)| *field)
            .ok_or_else(|| {
                let names = RESETTABLE.map(|(name, _)| format!("`{name}`"));
                self.invalid("reset", attribute, &format!("one of {}", names.join(", ")))
            })
    }

    pub(super) fn checked_user(&self) -> Result<Option<&str>, Error> {
        self.check(
            "user",
            &self.user,
            "a user such as `app`, `1000` or `1000:1000`",
            |user| !user.is_empty() && !user.contains(char::is_whitespace),
        )
    }

    pub(super) fn checked_workdir(&self) -> Result<Option<&str>, Error> {
        self.check("workdir", &self.workdir, "an absolute path", |path| {
            path.starts_with('/')
        })
    }

    pub(super) fn checked_stop_signal(&self) -> Result<Option<&str>, Error> {
        let expected = "the name of a signal such as `SIGTERM`, or its number";
        self.check("stop_signal", &self.stop_signal, expected, |signal| {
            let is_name = signal.starts_with("SIG")
                && signal.bytes().all(|byte| {
                    byte.is_ascii_uppercase()
                        || byte.is_ascii_digit()
                        || matches!(byte, b'+' | b'-')
                });
            is_name
                || signal
                    .parse()
                    .is_ok_and(|number: u8| (1..=64).contains(&number))
        })
    }

    pub(super) fn checked_volumes(&self) -> Result<Vec<String>, Error> {
        match self.volumes.iter().find(|path| !path.starts_with('/')) {
            Some(path) => Err(self.invalid("volumes", path, "absolute paths")),
            None => Ok(self.volumes.clone()),
        }
    }

    fn check<'a>(
        &self,
        attribute: &'static str,
        value: &'a Option<String>,
        expected: &str,
        is_valid: impl Fn(&str) -> bool,
    ) -> Result<Option<&'a str>, Error> {
        match value.as_deref() {
            Some(value) if !is_valid(value) => Err(self.invalid(attribute, value, expected)),
            value => Ok(value),
        }
    }
}
