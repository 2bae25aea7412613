//! containerd, through its own socket.

use std::path::Path;

use crate::address::Address;
use crate::content::Content;
use crate::error::{Action, Error};
use crate::grpc::Channel;
use crate::identity::{EngineKind, Identity};
use crate::traffic::Traffic;

mod message;

use message::{Nothing, VersionResponse};

/// One namespace of a containerd.
pub struct Containerd {
    channel: Channel,
    identity: Identity,
    traffic: Traffic,
}

impl Containerd {
    /// Connects to the Unix socket `socket` and asks for the version: one request. All that is sent is added to
    /// `traffic`; `namespace` is where images are looked for and put.
    ///
    /// # Errors
    /// If nobody listens, this user may not, or what answers is no containerd.
    pub async fn connect(socket: &Path, namespace: &str, traffic: Traffic) -> Result<Self, Error> {
        let address = Address::Containerd {
            socket: socket.to_owned(),
            namespace: namespace.to_owned(),
        };
        let channel = Channel::on_socket(socket, address, traffic.clone()).await?;
        let path = "/containerd.services.version.v1.Version/Version";
        let answer: VersionResponse = channel.call(Action::Detect, path, Nothing {}).await?;
        let version = answer.version;
        Ok(Self {
            channel: channel.in_namespace(namespace),
            identity: Identity {
                kind: EngineKind::Containerd,
                version: version.strip_prefix('v').unwrap_or(&version).to_owned(),
            },
            traffic,
        })
    }

    /// What it is, as it said when the connection was made.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What was sent to it so far.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Its blobs.
    pub fn content(&self) -> Content {
        Content::new(self.channel.clone())
    }
}
