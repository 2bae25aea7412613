//! Image references, as Docker reads and shows them.
//!
//! The grammar is that of
//! <https://github.com/distribution/reference/blob/v0.6.0/reference.go>, the defaults those of its `normalize.go`.

use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;
use crate::error::Error;

const DEFAULT_DOMAIN: &str = "docker.io";
const LEGACY_DOMAIN: &str = "index.docker.io";
const OFFICIAL: &str = "library/";
const DEFAULT_TAG: &str = "latest";
const MAX_NAME: usize = 255;
const MAX_TAG: usize = 128;

/// A reference to an image: a repository with a tag or a digest or both. With neither, the tag is `latest`.
///
/// Two references that name the same image are equal, however they were written. It shows itself as Docker does,
/// in the familiar form: `app:dev` for `docker.io/library/app:dev`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// The registry's host and port, `docker.io` if none was written.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The repository's path at the registry: `library/app` for `app`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag. It is missing only if there is a digest.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The full form: `docker.io/library/app:dev` for `app:dev`.
    pub fn normalized(&self) -> String {
        self.with_suffix(format!("{}/{}", self.domain, self.path))
    }

    /// The familiar form of the repository alone: `app` for `docker.io/library/app:dev`.
    pub fn familiar_repository(&self) -> String {
        if self.domain != DEFAULT_DOMAIN {
            return format!("{}/{}", self.domain, self.path);
        }
        match self.path.strip_prefix(OFFICIAL) {
            Some(name) if !name.contains('/') => name.to_owned(),
            _ => self.path.clone(),
        }
    }

    /// The familiar form, which is also what [`fmt::Display`] gives: `app:dev` for `docker.io/library/app:dev`.
    pub fn familiar(&self) -> String {
        self.with_suffix(self.familiar_repository())
    }

    fn with_suffix(&self, mut name: String) -> String {
        if let Some(tag) = &self.tag {
            name.push(':');
            name.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            name.push('@');
            name.push_str(&digest.to_string());
        }
        name
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.familiar())
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).map_err(|reason| Error::InvalidReference {
            found: text.to_owned(),
            reason,
        })
    }
}

fn parse(text: &str) -> Result<Reference, &'static str> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => match digest.parse() {
            Ok(digest) => (rest, Some(digest)),
            Err(_) => {
                return Err("what follows `@` is not `sha256:` and 64 hexadecimal characters")
            }
        },
        None => (text, None),
    };
    // A colon before the last slash belongs to a port.
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    let tag = match tag {
        Some(tag) => Some(checked_tag(tag)?.to_owned()),
        None if digest.is_some() => None,
        None => Some(DEFAULT_TAG.to_owned()),
    };
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
    Ok(Reference {
        domain: domain.to_owned(),
        path,
        tag,
        digest,
    })
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

fn checked_tag(tag: &str) -> Result<&str, &'static str> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = tag.bytes();
    match bytes.next() {
        Some(first)
            if is_word(first)
                && tag.len() <= MAX_TAG
                && bytes.all(|byte| is_word(byte) || matches!(byte, b'.' | b'-')) =>
        {
            Ok(tag)
        }
        _ => Err("a tag is at most 128 letters, digits, `_`, `.` and `-`, and does not begin with `.` or `-`"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn references_are_read_as_docker_reads_them() {
        let cases = [
            ("app", "docker.io/library/app:latest", "app:latest"),
            ("app:dev", "docker.io/library/app:dev", "app:dev"),
            ("team/app:1.0", "docker.io/team/app:1.0", "team/app:1.0"),
            ("docker.io/app:x", "docker.io/library/app:x", "app:x"),
            ("index.docker.io/app:x", "docker.io/library/app:x", "app:x"),
            (
                "docker.io/library/app",
                "docker.io/library/app:latest",
                "app:latest",
            ),
            (
                "library/a/b",
                "docker.io/library/a/b:latest",
                "library/a/b:latest",
            ),
            (
                "localhost/app",
                "localhost/app:latest",
                "localhost/app:latest",
            ),
            (
                "localhost:5000/app:dev",
                "localhost:5000/app:dev",
                "localhost:5000/app:dev",
            ),
            (
                "[::1]:5000/app",
                "[::1]:5000/app:latest",
                "[::1]:5000/app:latest",
            ),
            (
                "ghcr.io/x/y__z-w:a.b-C_1",
                "ghcr.io/x/y__z-w:a.b-C_1",
                "ghcr.io/x/y__z-w:a.b-C_1",
            ),
            ("Registry/app", "Registry/app:latest", "Registry/app:latest"),
        ];
        for (text, normalized, familiar) in cases {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.normalized(), normalized, "{text}");
            assert_eq!(reference.to_string(), familiar, "{text}");
            assert_eq!(familiar.parse::<Reference>().unwrap(), reference, "{text}");
        }
    }

    #[test]
    fn a_digest_replaces_the_default_tag() {
        let plain: Reference = format!("app@{DIGEST}").parse().unwrap();
        assert_eq!(plain.tag(), None);
        assert_eq!(plain.familiar(), format!("app@{DIGEST}"));
        let tagged: Reference = format!("app:dev@{DIGEST}").parse().unwrap();
        assert_eq!(tagged.tag(), Some("dev"));
        assert_eq!(tagged.digest(), DIGEST.parse().ok());
    }

    #[test]
    fn malformed_references_are_refused() {
        let long = format!("a/{}", "b".repeat(255));
        let id = "a".repeat(64);
        let cases = [
            "",
            ":dev",
            "app:",
            "App",
            "team/App:dev",
            "app:.dev",
            "app:de v",
            "-app",
            "app-",
            "a..b",
            "a___b",
            "a//b",
            "a/",
            "app@sha256:00",
            "host:port/app",
            "-host.io/app",
            "app:dev:dev",
            &long,
            &id,
        ];
        for text in cases {
            let error = text.parse::<Reference>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")), "{text}: {error}");
        }
    }
}
