//! Which engine is meant: where it is looked for, in which order, and who says so.
//!
//! 1. `--host`
//! 2. `DOCKER_HOST`
//! 3. the Docker CLI's context: `DOCKER_CONTEXT`, else `currentContext` in its `config.json`
//! 4. Docker's TLS variables alone, which mean an engine on this machine's TCP port
//! 5. `CONTAINER_HOST`, podman's variable
//! 6. the places where engines usually listen, then the `podman` command
//!
//! Whoever names an engine means that one: there is no other candidate then. The first three are the Docker CLI's own
//! order (`resolveContextName` in its `cli/command/cli.go`). containerd is never looked for.

mod context;
mod error;
mod surroundings;

use std::fmt;
use std::path::PathBuf;

use crate::address::{Address, DEFAULT_ADDRESS};
use crate::ssh::RemoteCommand;

pub use error::DiscoveryError;
pub use surroundings::Surroundings;

/// Where the Docker CLI looks for an engine if only its TLS variables are set.
const DEFAULT_TLS_ADDRESS: &str = "tcp://localhost:2376";

/// A place where an engine may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where.
    pub address: Address,
    /// Who says so.
    pub origin: Origin,
}

/// Who says where an engine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `--host`
    Flag,
    /// This environment variable.
    Variable(&'static str),
    /// The Docker CLI's context of this name.
    Context(String),
    /// Nobody: these usually listen there.
    Usual(&'static str),
}

impl Origin {
    /// Whether somebody has named this very engine.
    pub fn is_named(&self) -> bool {
        !matches!(self, Self::Usual(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("`--host`"),
            Self::Variable(name) => write!(f, "`{name}`"),
            Self::Context(name) => write!(f, "the Docker CLI's context `{name}`"),
            Self::Usual(who) => f.write_str(who),
        }
    }
}

/// The places to try, in this order; exactly one if an engine is named. `host` is the value of `--host`.
///
/// Nothing is connected to, and a file is read only for the Docker CLI's context.
///
/// # Errors
/// If what names an engine makes no sense.
pub fn candidates(
    host: Option<&str>,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<Candidate>, DiscoveryError> {
    Ok(match named(host, surroundings)? {
        Some(candidate) => vec![candidate],
        None => usual(surroundings),
    })
}

fn named(
    host: Option<&str>,
    surroundings: &Surroundings<'_>,
) -> Result<Option<Candidate>, DiscoveryError> {
    if let Some(host) = host.filter(|host| !host.is_empty()) {
        return with_docker_tls(host, Origin::Flag, surroundings).map(Some);
    }
    if let Some(host) = surroundings.variable("DOCKER_HOST") {
        let origin = Origin::Variable("DOCKER_HOST");
        return with_docker_tls(&host, origin, surroundings).map(Some);
    }
    if let Some(name) = context::current(surroundings) {
        return context::endpoint(name, surroundings).map(Some);
    }
    if let Some(variable) = surroundings.tls_variable() {
        let origin = Origin::Variable(variable);
        return with_docker_tls(DEFAULT_TLS_ADDRESS, origin, surroundings).map(Some);
    }
    if let Some(host) = surroundings.variable("CONTAINER_HOST") {
        return of_podman(&host, surroundings).map(Some);
    }
    Ok(None)
}

/// Reads an address that `origin` names. containerd and the podman command are used only if `--host` says so.
fn parse(text: &str, origin: &Origin) -> Result<Address, DiscoveryError> {
    let failed = |source| DiscoveryError::Address {
        origin: origin.clone(),
        source,
    };
    match text.trim().parse().map_err(failed)? {
        address @ (Address::Containerd { .. } | Address::PodmanCommand { .. })
            if *origin != Origin::Flag =>
        {
            Err(DiscoveryError::OnlyByFlag {
                origin: origin.clone(),
                address,
            })
        }
        address => Ok(address),
    }
}

fn with_docker_tls(
    text: &str,
    origin: Origin,
    surroundings: &Surroundings<'_>,
) -> Result<Candidate, DiscoveryError> {
    let address = parse(text, &origin)?;
    Ok(Candidate {
        address: surroundings.add_tls(address),
        origin,
    })
}

fn of_podman(text: &str, surroundings: &Surroundings<'_>) -> Result<Candidate, DiscoveryError> {
    let origin = Origin::Variable("CONTAINER_HOST");
    let mut address = parse(text, &origin)?;
    if let Address::Ssh(ssh) = &mut address {
        ssh.command = RemoteCommand::Podman;
        ssh.identity = surroundings.variable("CONTAINER_SSHKEY").map(PathBuf::from);
    }
    Ok(Candidate { address, origin })
}

/// Where engines listen if they are set up as their makers propose.
fn usual(surroundings: &Surroundings<'_>) -> Vec<Candidate> {
    let runtime = surroundings.runtime_folders();
    let in_runtime = |name: &'static str| runtime.iter().map(move |folder| folder.join(name));
    let desktop = ["run/docker.sock", "desktop/docker.sock"].into_iter();
    let desktop = desktop.filter_map(|name| Some(surroundings.home()?.join(".docker").join(name)));

    let mut sockets: Vec<(PathBuf, &'static str)> = Vec::new();
    let docker = DEFAULT_ADDRESS.trim_start_matches("unix://");
    sockets.push((docker.into(), "Docker"));
    sockets.extend(in_runtime("docker.sock").map(|path| (path, "rootless Docker")));
    sockets.extend(desktop.map(|path| (path, "Docker Desktop")));
    sockets.extend(in_runtime("podman/podman.sock").map(|path| (path, "rootless podman")));
    sockets.push(("/run/podman/podman.sock".into(), "podman"));

    let sockets = sockets.into_iter().map(|(path, who)| Candidate {
        address: Address::Unix(path),
        origin: Origin::Usual(who),
    });
    let command = Candidate {
        address: Address::podman_on_path(),
        origin: Origin::Usual("the podman command"),
    };
    sockets.chain([command]).collect()
}

#[cfg(test)]
mod tests;
