//! A connection to an engine, whichever kind it is.

use crate::address::Address;
use crate::docker::Docker;
use crate::engine::Engine;
use crate::error::Error;
use crate::identity::Identity;
use crate::podman_command::PodmanCommand;
use crate::traffic::Traffic;

/// An engine that has answered.
#[allow(clippy::large_enum_variant, reason = "a program has one")]
pub enum Connection {
    /// It speaks the Docker Engine API: Docker or podman.
    Docker(Docker),
    /// The podman command, without a service.
    PodmanCommand(PodmanCommand),
}

impl Connection {
    /// Connects to what is at `address`, and asks what it is. All that is sent is added to `traffic`.
    ///
    /// # Errors
    /// If nobody listens, this user may not, or what answers is no container engine.
    pub async fn open(address: Address, traffic: Traffic) -> Result<Self, Error> {
        match address {
            Address::PodmanCommand { program } => PodmanCommand::open(program, traffic)
                .await
                .map(Self::PodmanCommand),
            address => Docker::connect(address, traffic).await.map(Self::Docker),
        }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        match self {
            Self::Docker(engine) => engine.address(),
            Self::PodmanCommand(engine) => engine.address(),
        }
    }

    /// What it is, as it said when the connection was made.
    pub fn identity(&self) -> &Identity {
        match self {
            Self::Docker(engine) => engine.identity(),
            Self::PodmanCommand(engine) => engine.identity(),
        }
    }
}
