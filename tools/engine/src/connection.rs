//! A connection to an engine, whichever kind it is.

use crate::address::Address;
use crate::containerd::Containerd;
use crate::docker::Docker;
use crate::engine::Engine;
use crate::error::Error;
use crate::identity::Identity;
use crate::podman_command::PodmanCommand;
use stevedore_image::platform::Platform;
use stevedore_wire::Traffic;

/// An engine that has answered.
#[allow(clippy::large_enum_variant, reason = "a program has one")]
pub enum Connection {
    /// It speaks the Docker Engine API: Docker or podman.
    Docker(Docker),
    /// The podman command, without a service.
    PodmanCommand(PodmanCommand),
    /// containerd's own API.
    Containerd(Containerd),
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
            Address::Containerd { socket, namespace } => {
                let engine = Containerd::connect(&socket, &namespace, traffic).await;
                engine.map(Self::Containerd)
            }
            address => Docker::connect(address, traffic).await.map(Self::Docker),
        }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        match self {
            Self::Docker(engine) => engine.address(),
            Self::PodmanCommand(engine) => engine.address(),
            Self::Containerd(engine) => engine.address(),
        }
    }

    /// What it is, as it said when the connection was made.
    pub fn identity(&self) -> &Identity {
        match self {
            Self::Docker(engine) => engine.identity(),
            Self::PodmanCommand(engine) => engine.identity(),
            Self::Containerd(engine) => engine.identity(),
        }
    }

    /// The platform whose images run there. One request; none for containerd, which is on this machine.
    ///
    /// # Errors
    /// If the engine refuses, or cannot be reached.
    pub async fn platform(&self) -> Result<Platform, Error> {
        match self {
            Self::Docker(engine) => engine.platform().await,
            Self::PodmanCommand(engine) => Ok(engine.platform().clone()),
            Self::Containerd(_) => Ok(Platform::of_this_machine()),
        }
    }

    /// Ends what was begun and not ended because a future was dropped. Where an engine notices by itself, such as by a
    /// connection that ends, nothing is to be done.
    ///
    /// # Errors
    /// If the engine refuses, or cannot be reached.
    pub async fn clean_up(&self) -> Result<(), Error> {
        match self {
            Self::Docker(_) | Self::PodmanCommand(_) => Ok(()),
            Self::Containerd(engine) => engine.clean_up().await,
        }
    }
}
