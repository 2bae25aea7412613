//! Where a registry is: its host and port, and how that is spoken to.

use std::net::IpAddr;
use std::str::FromStr;

/// What `docker.io` stands for: its API is served by another host than its name.
const DOCKER_HUB: &str = "docker.io";
const DOCKER_HUB_HOST: &str = "registry-1.docker.io";

/// Requests for one registry go to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    registry: String,
    host: String,
    prefix: String,
}

/// Why a text is no [`Mirror`].
#[derive(Debug, thiserror::Error)]
#[error("`{found}` is no mirror; expected `REGISTRY=HOST[:PORT][/PREFIX]`, such as `docker.io=mirror.example.com/hub`")]
pub struct MirrorError {
    found: String,
}

impl FromStr for Mirror {
    type Err = MirrorError;

    fn from_str(text: &str) -> Result<Self, MirrorError> {
        let wrong = || MirrorError {
            found: text.to_owned(),
        };
        let (registry, location) = text.split_once('=').ok_or_else(wrong)?;
        let (host, prefix) = location.split_once('/').unwrap_or((location, ""));
        let prefix = prefix.trim_end_matches('/');
        let is_host = |text: &str| !text.is_empty() && !text.contains(['/', '@', '=']);
        if !is_host(registry) || !is_host(host) || location.contains("://") {
            return Err(wrong());
        }
        Ok(Self {
            registry: registry.to_owned(),
            host: host.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

/// One registry's host, and what its repositories are called there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The registry as users name it; credentials are looked up under this name.
    pub(crate) name: String,
    /// Host and, if it was given, port.
    authority: String,
    /// What comes before a repository's path there.
    prefix: String,
}

impl Endpoint {
    /// The place of the registry `domain`, which a reference names.
    pub(crate) fn new(domain: &str, mirrors: &[Mirror]) -> Self {
        let mirror = mirrors.iter().find(|mirror| mirror.registry == domain);
        let (name, prefix) = match mirror {
            Some(mirror) => (mirror.host.as_str(), mirror.prefix.as_str()),
            None => (domain, ""),
        };
        let authority = match name {
            DOCKER_HUB => DOCKER_HUB_HOST,
            other => other,
        };
        Self {
            name: name.to_owned(),
            authority: authority.to_owned(),
            prefix: prefix.to_owned(),
        }
    }

    /// Host and, if it was given, port.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The path of a repository there.
    pub(crate) fn repository(&self, path: &str) -> String {
        match self.prefix.as_str() {
            "" => path.to_owned(),
            prefix => format!("{prefix}/{path}"),
        }
    }

    /// Whether it is this machine, where nobody listens in.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(host_of(&self.authority))
    }
}

/// Whether a host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The host of `host[:port]`; an IPv6 address without its brackets.
pub(crate) fn host_of(authority: &str) -> &str {
    if let Some((host, _)) = authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        return host;
    }
    authority
        .split_once(':')
        .map_or(authority, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(text: &str) -> Option<Mirror> {
        text.parse().ok()
    }

    #[test]
    fn docker_hub_is_served_by_another_host() {
        let endpoint = Endpoint::new("docker.io", &[]);
        assert_eq!(endpoint.authority(), "registry-1.docker.io");
        assert_eq!(endpoint.name, "docker.io");
        assert_eq!(endpoint.repository("library/app"), "library/app");
    }

    #[test]
    fn a_mirror_takes_the_place_of_a_registry() {
        let mirrors: Vec<_> = mirror("docker.io=localhost:5000/hub/x/")
            .into_iter()
            .collect();
        let endpoint = Endpoint::new("docker.io", &mirrors);
        assert_eq!(endpoint.authority(), "localhost:5000");
        assert_eq!(endpoint.name, "localhost:5000");
        assert_eq!(endpoint.repository("library/app"), "hub/x/library/app");
        assert_eq!(Endpoint::new("ghcr.io", &mirrors).authority(), "ghcr.io");
        for text in ["", "docker.io", "=x", "docker.io=", "docker.io=https://x"] {
            assert_eq!(mirror(text), None, "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (name, expected) in [
            ("localhost", true),
            ("localhost:5000", true),
            ("127.0.0.1:5000", true),
            ("127.9.9.9", true),
            ("[::1]:5000", true),
            ("ghcr.io", false),
            ("localhost.example.com", false),
            ("10.0.0.1:5000", false),
        ] {
            assert_eq!(Endpoint::new(name, &[]).is_loopback(), expected, "{name}");
        }
    }
}
