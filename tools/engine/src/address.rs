//! Where an engine listens.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where Docker listens if nobody says otherwise.
pub const DEFAULT_ADDRESS: &str = "unix:///var/run/docker.sock";

/// The port of a `tcp://` address that names none, as in the Docker CLI.
const DEFAULT_TCP_PORT: u16 = 2375;

/// The address of an engine's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix domain socket.
    Unix(PathBuf),
    /// Plain HTTP over TCP.
    Tcp {
        /// A name or an IP address; an IPv6 address stands without brackets.
        host: String,
        /// The TCP port.
        port: u16,
    },
}

/// Why a text is not the address of an engine.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// The scheme exists for other tools, but is not spoken here.
    #[error("engine address `{address}`: `{scheme}` is not supported; use `unix:///path/to/docker.sock` or `tcp://host:port`")]
    UnsupportedScheme {
        /// What was given.
        address: String,
        /// What stands before `://`.
        scheme: String,
    },
    /// There is no scheme, and it is no absolute path either.
    #[error("engine address `{address}` is neither an absolute path nor a URL; expected `unix:///path/to/docker.sock` or `tcp://host:port`")]
    Unrecognised {
        /// What was given.
        address: String,
    },
    /// A `tcp` address without a host, or with something that is no port number.
    #[error("engine address `{address}`: expected `tcp://host:port`")]
    BadHostOrPort {
        /// What was given.
        address: String,
    },
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let unrecognised = || AddressError::Unrecognised {
            address: text.to_owned(),
        };
        if text.starts_with('/') {
            return Ok(Self::Unix(text.into()));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(unrecognised)?;
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(rest.into())),
            "unix" => Err(unrecognised()),
            "tcp" | "http" => {
                parse_host_and_port(rest).ok_or_else(|| AddressError::BadHostOrPort {
                    address: text.to_owned(),
                })
            }
            _ => Err(AddressError::UnsupportedScheme {
                address: text.to_owned(),
                scheme: scheme.to_owned(),
            }),
        }
    }
}

fn parse_host_and_port(text: &str) -> Option<Address> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':').filter(|port| !port.is_empty()))
        }
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() || host.contains('/') {
        return None;
    }
    Some(Address::Tcp {
        host: host.to_owned(),
        port: port.map_or(Ok(DEFAULT_TCP_PORT), str::parse).ok()?,
    })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_docker_cli_reads_them() {
        for (text, expected) in [
            ("unix:///run/docker.sock", "unix:///run/docker.sock"),
            ("/run/docker.sock", "unix:///run/docker.sock"),
            ("tcp://localhost:2376", "tcp://localhost:2376"),
            ("tcp://10.0.0.1", "tcp://10.0.0.1:2375"),
            ("tcp://[::1]:80/", "tcp://[::1]:80"),
            ("http://localhost:2375", "tcp://localhost:2375"),
        ] {
            assert_eq!(
                text.parse::<Address>().map(|address| address.to_string()),
                Ok(expected.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_named_in_the_error() {
        for text in [
            "",
            "docker.sock",
            "unix://docker.sock",
            "tcp://",
            "tcp://h:port",
            "tcp://h/x:1",
            "ssh://me@host",
            "https://h:2376",
            "npipe:////./pipe/docker_engine",
        ] {
            let error = text.parse::<Address>().map_err(|error| error.to_string());
            assert!(
                error
                    .as_ref()
                    .is_err_and(|error| error.contains(&format!("`{text}`"))),
                "{text}: {error:?}"
            );
        }
    }
}
