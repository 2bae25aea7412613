//! The files that `docker login` and `podman login` write.
//!
//! Both have the same form, and one reader does for both:
//! [`findCredentialsInFile`](https://github.com/containers/image/blob/v5.36.1/pkg/docker/config/config.go#L802), with the
//! fields that only the Docker CLI knows
//! ([`AuthConfig`](https://github.com/docker/cli/blob/v29.7.2/cli/config/types/authconfig.go)).

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::surroundings::{Place, PlaceKind};
use super::{key, CredentialError, Secret};

/// Base64 as others write it: with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A file with credentials, or with the names of helpers that have them.
pub(super) struct AuthFile {
    name: String,
    content: Content,
}

/// The part of the file that is read. Entries are understood one by one, so that an error can name the entry.
#[derive(Default, Deserialize)]
struct Content {
    auths: Option<Map<String, Value>>,
    #[serde(rename = "credHelpers")]
    helpers: Option<BTreeMap<String, String>>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    #[serde(rename = "identitytoken")]
    identity_token: Option<String>,
    #[serde(rename = "registrytoken")]
    registry_token: Option<String>,
}

/// A helper that a file names.
pub(super) struct Helper {
    /// The program's name.
    pub(super) program: String,
    /// The address that it is told.
    pub(super) server: String,
    /// `credHelpers` or `credsStore`.
    pub(super) setting: &'static str,
    /// The file.
    pub(super) file: String,
}

impl fmt::Display for Helper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of `{}`", self.setting, self.file)
    }
}

impl AuthFile {
    /// Reads what is at `place`; `None` if nothing is there.
    pub(super) fn read(place: &Place) -> Result<Option<Self>, CredentialError> {
        let name = place.name.clone();
        let text = match &place.kind {
            PlaceKind::Text(text) => text.clone().into_bytes(),
            PlaceKind::File { path, must_exist } => match fs::read(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => {
                    return Ok(None)
                }
                Err(source) => return Err(CredentialError::Read { file: name, source }),
                Ok(text) => text,
            },
        };
        // Not even a JSON object: the Docker CLI takes an empty file as one that says nothing (`LoadFromReader`).
        if text.trim_ascii().is_empty() {
            return Ok(None);
        }
        // As a map first: serde would take a JSON array for a struct.
        let content = serde_json::from_slice::<Map<String, Value>>(&text)
            .and_then(|_| serde_json::from_slice(&text));
        match content {
            Ok(content) => Ok(Some(Self { name, content })),
            Err(error) => Err(CredentialError::Malformed {
                file: name,
                line: error.line(),
                column: error.column(),
            }),
        }
    }

    /// The file, as it is shown.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The helper that `credHelpers` has for `registry`.
    pub(super) fn registry_helper(&self, registry: &str) -> Option<Helper> {
        let (server, name) = self.helper_setting(registry)?;
        self.helper("credHelpers", name, server)
    }

    /// The helper that `credsStore` has for every registry, unless `credHelpers` takes this one out with an empty name
    /// (`getConfiguredCredentialStore` in the Docker CLI's `cli/config/configfile/file.go`, line 396).
    pub(super) fn store(&self, registry: &str) -> Option<Helper> {
        let name = self.content.store.as_deref()?;
        match self.helper_setting(registry) {
            Some(_) => None,
            None => self.helper("credsStore", name, key::server(registry)),
        }
    }

    fn helper_setting<'a>(&'a self, registry: &'a str) -> Option<(&'a str, &'a str)> {
        let helpers = self.content.helpers.as_ref()?;
        let server = key::server(registry);
        let exact = helpers.get_key_value(server);
        let exact = exact.or_else(|| helpers.get_key_value(registry));
        let found = exact.or_else(|| helpers.iter().find(|(key, _)| key::names(key, registry)));
        found.map(|(server, name)| (server.as_str(), name.as_str()))
    }

    fn helper(&self, setting: &'static str, name: &str, server: &str) -> Option<Helper> {
        (!name.is_empty()).then(|| Helper {
            program: format!("docker-credential-{name}"),
            server: server.to_owned(),
            setting,
            file: self.name.clone(),
        })
    }

    /// The entry of `auths` that fits best, with its key. One without a content is no entry: the Docker CLI writes such a
    /// one where a helper has the credentials.
    pub(super) fn entry(
        &self,
        registry: &str,
        repository: &str,
    ) -> Result<Option<(String, Secret)>, CredentialError> {
        let Some(auths) = &self.content.auths else {
            return Ok(None);
        };
        let exact = key::exact(registry, repository);
        let exact = exact.iter().filter_map(|key| auths.get_key_value(key));
        let others = auths.iter().filter(|(key, _)| key::names(key, registry));
        for (key, entry) in exact.chain(others) {
            let secret = read_entry(entry).map_err(|reason| CredentialError::Entry {
                file: self.name.clone(),
                key: key.clone(),
                reason,
            })?;
            if secret != Secret::None {
                return Ok(Some((key.clone(), secret)));
            }
        }
        Ok(None)
    }
}

/// What an entry has; if it has several things, that which moby's `registry` client prefers.
fn read_entry(entry: &Value) -> Result<Secret, &'static str> {
    // What serde says would quote the value. It would take an array for an object, too.
    let object = entry.as_object().map(|_| Entry::deserialize(entry));
    let Some(Ok(entry)) = object else {
        return Err("it is no JSON object of strings");
    };
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    if let Some(token) = some(entry.registry_token) {
        return Ok(Secret::RegistryToken(token));
    }
    if let Some(token) = some(entry.identity_token) {
        return Ok(Secret::IdentityToken(token));
    }
    if let Some(auth) = some(entry.auth) {
        let (user, password) = decode(&auth)?;
        return Ok(Secret::Basic { user, password });
    }
    Ok(match some(entry.username) {
        Some(user) => Secret::Basic {
            user,
            password: entry.password.unwrap_or_default(),
        },
        None => Secret::None,
    })
}

/// `decodeAuth` in the Docker CLI's `cli/config/configfile/file.go`, line 297.
fn decode(auth: &str) -> Result<(String, String), &'static str> {
    let auth: String = auth.split_ascii_whitespace().collect();
    let decoded = BASE64.decode(auth).map_err(|_| "`auth` is not base64")?;
    let decoded = String::from_utf8(decoded).map_err(|_| "`auth` is not base64 of a text")?;
    match decoded.split_once(':') {
        Some((user, password)) if !user.is_empty() => {
            let password = password.trim_matches('\0');
            Ok((user.to_owned(), password.to_owned()))
        }
        _ => Err("`auth` is not base64 of `user:password`"),
    }
}
