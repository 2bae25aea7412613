//! Image references, as Docker reads and shows them.

use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;
use crate::error::Error;
use crate::repository::{split_tag, Repository};
use crate::tag;

const DEFAULT_TAG: &str = "latest";

/// A reference to an image: a repository with a tag or a digest or both. With neither, the tag is `latest`.
///
/// Two references that name the same image are equal, however they were written. It shows itself as Docker does,
/// in the familiar form: `app:dev` for `docker.io/library/app:dev`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    repository: Repository,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The registry's host and port, `docker.io` if none was written.
    pub fn domain(&self) -> &str {
        self.repository.domain()
    }

    /// The repository's path at the registry: `library/app` for `app`.
    pub fn path(&self) -> &str {
        self.repository.path()
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
        self.with_suffix(self.repository.normalized())
    }

    /// The familiar form of the repository alone: `app` for `docker.io/library/app:dev`.
    pub fn familiar_repository(&self) -> String {
        self.repository.familiar()
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
    let (name, tag) = split_tag(rest);
    let tag = match tag {
        Some(tag) => {
            tag::check(tag)?;
            Some(tag.to_owned())
        }
        None if digest.is_some() => None,
        None => Some(DEFAULT_TAG.to_owned()),
    };
    Ok(Reference {
        repository: Repository::parse_name(name)?,
        tag,
        digest,
    })
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
