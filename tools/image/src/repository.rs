//! Repositories: where a registry keeps the images of one name.
//!
//! The grammar is that of
//! <https://github.com/distribution/reference/blob/v0.6.0/reference.go>, the defaults those of its `normalize.go`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

const DEFAULT_DOMAIN: &str = "docker.io";
const LEGACY_DOMAIN: &str = "index.docker.io";
const OFFICIAL: &str = "library/";
const MAX_NAME: usize = 255;

/// A registry and a path there, without tag and digest.
///
/// Two that are the same are equal, however they were written. It shows itself, also in JSON, as Docker does, in the
/// familiar form: `debian` for `docker.io/library/debian`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Repository {
    domain: String,
    path: String,
}

impl Repository {
    /// The registry's host and port, `docker.io` if none was written.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The path at the registry: `library/app` for `app`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The full form: `docker.io/library/app` for `app`.
    pub fn normalized(&self) -> String {
        format!("{}/{}", self.domain, self.path)
    }

    /// The familiar form, which is also what [`fmt::Display`] gives: `app` for `docker.io/library/app`.
    pub fn familiar(&self) -> String {
        if self.domain != DEFAULT_DOMAIN {
            return self.normalized();
        }
        match self.path.strip_prefix(OFFICIAL) {
            Some(name) if !name.contains('/') => name.to_owned(),
            _ => self.path.clone(),
        }
    }

    /// Parses what stands before tag and digest.
    pub(crate) fn parse_name(name: &str) -> Result<Self, &'static str> {
        if name.contains("://") {
            return Err("it begins with the registry's host, without `https://`");
        }
        let (domain, path) = split_domain(name);
        check_domain(domain)?;
        let path = match path.contains('/') || domain != DEFAULT_DOMAIN {
            true => path.to_owned(),
            false => format!("{OFFICIAL}{path}"),
        };
        check_path(&path)?;
        if domain.len() + 1 + path.len() > MAX_NAME {
            return Err("the repository's name is longer than 255 characters");
        }
        Ok(Self {
            domain: domain.to_owned(),
            path,
        })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.familiar())
    }
}

impl FromStr for Repository {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.contains('@') {
            return Err(Error::RepositoryWithDigest {
                found: text.to_owned(),
            });
        }
        let (name, tag) = split_tag(text);
        let repository = Self::parse_name(name).map_err(|reason| Error::InvalidRepository {
            found: text.to_owned(),
            reason,
        })?;
        match tag {
            None => Ok(repository),
            Some(tag) => Err(Error::RepositoryWithTag {
                found: text.to_owned(),
                name: name.to_owned(),
                tag: tag.to_owned(),
            }),
        }
    }
}

impl TryFrom<String> for Repository {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Repository> for String {
    fn from(repository: Repository) -> Self {
        repository.familiar()
    }
}

/// A name, and the tag after it if there is one. A colon before the last slash belongs to a port.
pub(crate) fn split_tag(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (text, None),
    }
}

/// The first part of a name is a registry only if it cannot be part of a repository's path.
fn split_domain(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((first, path))
            if first == "localhost"
                || first.contains(['.', ':'])
                || first.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            match first {
                LEGACY_DOMAIN => (DEFAULT_DOMAIN, path),
                _ => (first, path),
            }
        }
        _ => (DEFAULT_DOMAIN, name),
    }
}

fn check_domain(domain: &str) -> Result<(), &'static str> {
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (domain, None),
    };
    let is_number = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if port.is_some_and(|port| !is_number(port)) {
        return Err("the registry's port is not a number");
    }
    let is_ipv6 = |host: &str| {
        host.strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .is_some_and(|inner| {
                inner
                    .bytes()
                    .all(|byte| byte.is_ascii_hexdigit() || byte == b':')
            })
    };
    let is_label = |label: &str| {
        let alphanumeric = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = label.as_bytes();
        alphanumeric(bytes.first())
            && alphanumeric(bytes.last())
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    match is_ipv6(host) || host.split('.').all(is_label) {
        true => Ok(()),
        false => Err("the registry is not a host name"),
    }
}

fn check_path(path: &str) -> Result<(), &'static str> {
    let is_hex = |path: &str| path.len() == 64 && path.bytes().all(|b| b.is_ascii_hexdigit());
    if path.strip_prefix(OFFICIAL).is_some_and(is_hex) {
        return Err("64 hexadecimal characters are an image ID and cannot be a repository");
    }
    match path.split('/').all(is_path_component) {
        true => Ok(()),
        false => Err(
            "a repository's path is made of lower-case letters and digits, \
             separated by `.`, `_`, `__`, `-` or `/`",
        ),
    }
}

/// Runs of lower-case letters and digits, separated by one dot, one or two underscores, or any number of hyphens.
fn is_path_component(component: &str) -> bool {
    let is_separator = |byte: &u8| matches!(byte, b'.' | b'_' | b'-');
    let bytes = component.as_bytes();
    let known =
        |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || is_separator(byte);
    if bytes.first().is_none_or(is_separator)
        || bytes.last().is_none_or(is_separator)
        || !bytes.iter().all(known)
    {
        return false;
    }
    bytes
        .split(|byte| !is_separator(byte))
        .filter(|run| !run.is_empty())
        .all(|run| matches!(run, b"." | b"_" | b"__") || run.iter().all(|byte| *byte == b'-'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_the_same_however_it_is_written() {
        let cases = [
            ("app", "docker.io/library/app", "app"),
            (
                "docker.io/library/debian",
                "docker.io/library/debian",
                "debian",
            ),
            ("index.docker.io/team/app", "docker.io/team/app", "team/app"),
            (
                "localhost:5000/app",
                "localhost:5000/app",
                "localhost:5000/app",
            ),
            ("[::1]:5000/a/b", "[::1]:5000/a/b", "[::1]:5000/a/b"),
        ];
        for (text, normalized, familiar) in cases {
            let repository: Repository = text.parse().unwrap();
            assert_eq!(repository.normalized(), normalized);
            assert_eq!(repository.to_string(), familiar);
            let json = serde_json::to_string(&repository).unwrap();
            assert_eq!(json, format!("\"{familiar}\""));
            assert_eq!(
                serde_json::from_str::<Repository>(&json).unwrap(),
                repository
            );
        }
    }

    #[test]
    fn what_is_no_repository_is_refused_with_a_remedy() {
        let digest = crate::digest::Digest::of(b"");
        let cases = [
            ("ghcr.io/x/app:v1".to_owned(), "write `ghcr.io/x/app` alone"),
            ("localhost:5000/app:v1".to_owned(), "gets `v1` by"),
            (format!("app@{digest}"), "has a digest"),
            (
                "https://ghcr.io/x".to_owned(),
                "it begins with the registry's host, without `https://`",
            ),
            ("ghcr.io/x/App".to_owned(), "lower-case letters"),
            ("host:port/app".to_owned(), "port is not a number"),
            (String::new(), "lower-case letters"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Repository>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}`")), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }
}
