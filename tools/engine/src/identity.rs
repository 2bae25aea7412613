//! What engine it is that answers.

use std::fmt;

use hyper::HeaderMap;

/// Who made the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// Docker, or something that says it is.
    Docker,
    /// podman's Docker-compatible API.
    Podman,
    /// containerd, through its own socket.
    Containerd,
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Containerd => "containerd",
        })
    }
}

/// Where an engine keeps its images; this decides what an image's ID is, and what an upload may leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Docker's own store: the ID is the digest of the config; layers are known by their chain of `diff_id`s.
    Graphdriver,
    /// Docker with the containerd image store: the ID is the digest of the manifest.
    Containerd,
    /// podman's containers/storage: the ID is the digest of the config.
    ContainersStorage,
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Graphdriver => "graphdriver",
            Self::Containerd => "containerd",
            Self::ContainersStorage => "containers-storage",
        })
    }
}

/// A version of the Docker Engine API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApiVersion {
    pub(crate) major: usize,
    pub(crate) minor: usize,
}

impl ApiVersion {
    /// The oldest that is spoken here: Docker 20.10's, and podman's compatible API.
    pub(crate) const OLDEST: Self = Self {
        major: 1,
        minor: 40,
    };
    /// The newest that was tried (Docker 28.5); a newer engine is spoken to in this one.
    pub(crate) const NEWEST: Self = Self {
        major: 1,
        minor: 51,
    };

    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.trim().split_once('.')?;
        Some(Self {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        })
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What an engine says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who made it.
    pub kind: EngineKind,
    /// Its version, such as `28.5.2`; empty if it does not tell.
    pub version: String,
}

impl Identity {
    /// Reads the headers `Server` and `Api-Version` of an answer to `HEAD /_ping`. The error is the unusable
    /// `Api-Version`.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<(Self, ApiVersion), String> {
        let header = |name| {
            headers
                .get(name)
                .and_then(|value: &hyper::header::HeaderValue| value.to_str().ok())
        };
        let found = header("api-version").unwrap_or("none");
        let api = ApiVersion::parse(found).ok_or_else(|| found.to_owned())?;
        let server = header("server").unwrap_or_default();
        let (product, rest) = server.split_once('/').unwrap_or((server, ""));
        let identity = Self {
            kind: match product {
                "Libpod" => EngineKind::Podman,
                _ => EngineKind::Docker,
            },
            version: rest.split(' ').next().unwrap_or_default().to_owned(),
        };
        Ok((identity, api))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(server: &str, api: &str) -> Result<(Identity, ApiVersion), String> {
        let mut headers = HeaderMap::new();
        for (name, value) in [("server", server), ("api-version", api)] {
            if let Ok(value) = value.parse() {
                headers.insert(name, value);
            }
        }
        Identity::from_headers(&headers)
    }

    #[test]
    fn engines_are_told_apart_by_their_server_header() {
        for (server, api, kind, version, minor) in [
            (
                "Docker/28.5.2+dfsg4 (linux)",
                "1.51",
                EngineKind::Docker,
                "28.5.2+dfsg4",
                51,
            ),
            (
                "Docker/20.10.24+dfsg1 (linux)",
                "1.41",
                EngineKind::Docker,
                "20.10.24+dfsg1",
                41,
            ),
            (
                "Libpod/4.3.1 (linux)",
                "1.41",
                EngineKind::Podman,
                "4.3.1",
                41,
            ),
            ("", "1.44", EngineKind::Docker, "", 44),
        ] {
            let api_version = ApiVersion { major: 1, minor };
            assert_eq!(
                identity(server, api),
                Ok((
                    Identity {
                        kind,
                        version: version.to_owned(),
                    },
                    api_version
                )),
                "{server}"
            );
        }
    }

    #[test]
    fn an_answer_without_a_version_is_no_engine() {
        assert_eq!(identity("nginx/1.0", "x"), Err("x".to_owned()));
        assert_eq!(
            Identity::from_headers(&HeaderMap::new()),
            Err("none".to_owned())
        );
    }
}
