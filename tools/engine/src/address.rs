//! Where an engine listens.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::ssh::SshAddress;
use stevedore_wire::TlsFiles;

/// Where Docker listens if nobody says otherwise.
pub(crate) const DEFAULT_ADDRESS: &str = "unix:///var/run/docker.sock";

/// The port of a `tcp://` address that names none; the Docker CLI's `opts/hosts.go` takes it with TLS, too.
const DEFAULT_TCP_PORT: u16 = 2375;

/// The port of an `https://` address that names none: the one that is registered for Docker with TLS.
const DEFAULT_TLS_PORT: u16 = 2376;

/// What is printed of an address' forms.
const FORMS: &str =
    "`unix:///path/to/docker.sock`, `tcp://host:port`, `https://host:port`, `ssh://user@host`, \
    `podman:` or `containerd:///path/to/containerd.sock?namespace=NAME`";

/// The address of an engine.
///
/// Its text form names no files: those that TLS and ssh need come from the settings of the Docker CLI and of podman.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// The Docker API on a Unix domain socket: `unix:///path`, or `/path` alone.
    Unix(PathBuf),
    /// The Docker API in plain HTTP over TCP: `tcp://host:port`.
    Tcp {
        /// A name or an IP address; an IPv6 address stands without brackets.
        host: String,
        /// The TCP port.
        port: u16,
    },
    /// The Docker API in HTTP over TLS: `https://host:port`, or a `tcp` address with the files that the Docker CLI
    /// uses for it.
    Tls {
        /// A name or an IP address, for which the engine's certificate has to be made.
        host: String,
        /// The TCP port.
        port: u16,
        /// Whom to trust, and who this client is.
        files: Box<TlsFiles>,
    },
    /// The Docker API on another machine, reached by a command that ssh starts there: `ssh://user@host:port/socket`.
    Ssh(Box<SshAddress>),
    /// containerd's own API: `containerd:///path?namespace=k8s.io`.
    Containerd {
        /// The Unix domain socket.
        socket: PathBuf,
        /// The namespace whose images are meant.
        namespace: String,
    },
    /// The podman command, without a service: `podman:` for the one on `PATH`, `podman:///path` for that file.
    PodmanCommand {
        /// A name that is looked for on `PATH`, or an absolute path.
        program: PathBuf,
    },
}

/// Why a text is not the address of an engine.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// The scheme exists for other tools, but is not spoken here.
    #[error("engine address `{address}`: `{scheme}` is not supported; use {FORMS}")]
    UnsupportedScheme {
        /// What was given.
        address: String,
        /// What stands before `://`.
        scheme: String,
    },
    /// There is no scheme, and it is no absolute path either.
    #[error("engine address `{address}` is neither an absolute path nor a URL; expected {FORMS}")]
    Unrecognised {
        /// What was given.
        address: String,
    },
    /// A `tcp` or `https` address without a host, or with something that is no port number.
    #[error("engine address `{address}`: expected `{scheme}://host:port`")]
    BadHostOrPort {
        /// What was given.
        address: String,
        /// What stands before `://`.
        scheme: String,
    },
    /// An `ssh` address that ssh could not be called with.
    #[error("engine address `{address}`: {problem}; expected `ssh://user@host:port`, or with the path of the engine's socket there after it")]
    BadSsh {
        /// What was given; a password in it is not repeated.
        address: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A `containerd` address that does not say in which namespace.
    #[error(
        "engine address `{address}`: expected `containerd:///path/to/containerd.sock?namespace=NAME`; \
         usual namespaces are `moby` (Docker), `k8s.io` (Kubernetes) and `default` (ctr)"
    )]
    BadContainerd {
        /// What was given.
        address: String,
    },
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.starts_with('/') {
            return Ok(Self::Unix(text.into()));
        }
        let address = || text.to_owned();
        let unrecognised = || AddressError::Unrecognised { address: address() };
        if text == "podman:" {
            return Ok(Self::podman_on_path());
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(unrecognised)?;
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(rest.into())),
            "podman" if rest.is_empty() => Ok(Self::podman_on_path()),
            "podman" if rest.starts_with('/') => Ok(Self::PodmanCommand {
                program: rest.into(),
            }),
            "unix" | "podman" => Err(unrecognised()),
            "tcp" | "http" | "https" => {
                parse_tcp(scheme, rest).ok_or_else(|| AddressError::BadHostOrPort {
                    address: address(),
                    scheme: scheme.to_owned(),
                })
            }
            "ssh" => SshAddress::parse(rest)
                .map(|ssh| Self::Ssh(Box::new(ssh)))
                .map_err(|problem| AddressError::BadSsh {
                    address: without_password(text),
                    problem,
                }),
            "containerd" => parse_containerd(rest)
                .ok_or_else(|| AddressError::BadContainerd { address: address() }),
            _ => Err(AddressError::UnsupportedScheme {
                address: without_password(text),
                scheme: scheme.to_owned(),
            }),
        }
    }
}

impl Address {
    /// The podman command that `PATH` leads to.
    pub fn podman_on_path() -> Self {
        Self::PodmanCommand {
            program: "podman".into(),
        }
    }

    /// The same address, spoken to through TLS with `files` if it is a TCP one.
    #[must_use]
    pub fn with_tls(self, files: TlsFiles) -> Self {
        match self {
            Self::Tcp { host, port } | Self::Tls { host, port, .. } => Self::Tls {
                host,
                port,
                files: Box::new(files),
            },
            other => other,
        }
    }
}

/// Reads a host and a port; an IPv6 address has brackets.
pub(crate) fn parse_host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            match port {
                "" => (host, None),
                port => (host, Some(port.strip_prefix(':')?)),
            }
        }
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() || host.contains(['/', '?', '@']) {
        return None;
    }
    Some((host, port.map(str::parse).transpose().ok()?))
}

fn parse_tcp(scheme: &str, text: &str) -> Option<Address> {
    let (host, port) = parse_host_and_port(text.strip_suffix('/').unwrap_or(text))?;
    let host = host.to_owned();
    Some(match scheme {
        "https" => Address::Tls {
            host,
            port: port.unwrap_or(DEFAULT_TLS_PORT),
            files: Box::default(),
        },
        _ => Address::Tcp {
            host,
            port: port.unwrap_or(DEFAULT_TCP_PORT),
        },
    })
}

fn parse_containerd(text: &str) -> Option<Address> {
    let (socket, query) = text.rsplit_once('?')?;
    let namespace = query.strip_prefix("namespace=")?;
    // containerd's `identifiers.Validate`: words of letters and digits, with one of these between them.
    let mut words = namespace.split(['.', '_', '-']);
    let valid =
        words.all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    (socket.starts_with('/') && valid).then(|| Address::Containerd {
        socket: socket.into(),
        namespace: namespace.to_owned(),
    })
}

/// `address` without what stands between its user and its host.
fn without_password(address: &str) -> String {
    let parts = address.split_once("://").and_then(|(scheme, rest)| {
        let (user, host) = rest.split_once('@')?;
        let (user, _password) = user.split_once(':')?;
        Some(format!("{scheme}://{user}:…@{host}"))
    });
    parts.unwrap_or_else(|| address.to_owned())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } => write_tcp(f, "tcp", host, *port),
            Self::Tls { host, port, .. } => write_tcp(f, "https", host, *port),
            Self::Ssh(ssh) => ssh.fmt(f),
            Self::Containerd { socket, namespace } => {
                write!(f, "containerd://{}?namespace={namespace}", socket.display())
            }
            Self::PodmanCommand { program } if program.is_absolute() => {
                write!(f, "podman://{}", program.display())
            }
            Self::PodmanCommand { .. } => f.write_str("podman:"),
        }
    }
}

fn write_tcp(f: &mut fmt::Formatter<'_>, scheme: &str, host: &str, port: u16) -> fmt::Result {
    if host.contains(':') {
        return write!(f, "{scheme}://[{host}]:{port}");
    }
    write!(f, "{scheme}://{host}:{port}")
}

#[cfg(test)]
mod tests;
