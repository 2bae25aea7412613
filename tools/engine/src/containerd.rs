//! containerd, through its own socket.

use std::cell::RefCell;
use std::path::Path;

use crate::address::Address;
use crate::content::Content;
use crate::error::{Action, Error, GrpcCode};
use crate::grpc::Channel;
use crate::identity::{EngineKind, Identity};
use stevedore_wire::Traffic;

mod image;
mod lease;
mod message;
mod snapshot;

pub use image::NamedImage;
pub use lease::Lease;
pub use snapshot::{Snapshots, Unpacked};

use message::{ListNamespacesResponse, Nothing, VersionResponse};

/// The snapshotter that containerd's clients use if nobody says otherwise.
const DEFAULT_SNAPSHOTTER: &str = "overlayfs";

/// The label of a namespace that names another one.
const SNAPSHOTTER_LABEL: &str = "containerd.io/defaults/snapshotter";

/// Namespaces that are there on a machine as soon as somebody needs them: `ctr`'s, Kubernetes' and Docker's. Any other
/// one that is not there is more likely a slip than a wish.
const USUAL_NAMESPACES: [&str; 3] = ["default", "k8s.io", "moby"];

/// One namespace of a containerd.
pub struct Containerd {
    channel: Channel,
    address: Address,
    namespace: String,
    identity: Identity,
    /// The IDs of leases that were not ended yet.
    leases: RefCell<Vec<String>>,
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
        let channel = Channel::on_socket(socket, address.clone(), traffic).await?;
        let path = "/containerd.services.version.v1.Version/Version";
        let answer: Result<VersionResponse, Error> =
            channel.call(Action::Detect, path, Nothing {}).await;
        let version = match answer {
            Ok(answer) => answer.version,
            Err(source) => {
                return Err(Error::NotContainerd {
                    address,
                    source: Box::new(source),
                })
            }
        };
        Ok(Self {
            channel: channel.in_namespace(namespace),
            address,
            namespace: namespace.to_owned(),
            identity: Identity {
                kind: EngineKind::Containerd,
                version: version.strip_prefix('v').unwrap_or(&version).to_owned(),
            },
            leases: RefCell::default(),
        })
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What it is, as it said when the connection was made.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its blobs.
    pub fn content(&self) -> Content {
        Content::new(self.channel.clone())
    }

    /// The file systems of `snapshotter`.
    pub fn snapshots(&self, snapshotter: &str) -> Snapshots {
        Snapshots::new(self.channel.clone(), snapshotter)
    }

    /// Tells with which snapshotter images are unpacked in this namespace. One request.
    ///
    /// # Errors
    /// If the namespace is not there and is none that a machine usually has, if containerd refuses, or cannot be
    /// reached.
    pub async fn default_snapshotter(&self) -> Result<String, Error> {
        let path = "/containerd.services.namespaces.v1.Namespaces/List";
        let answer: ListNamespacesResponse = self
            .channel
            .call(Action::FindNamespace, path, Nothing {})
            .await?;
        let mut namespaces = answer.namespaces;
        let found = namespaces
            .iter()
            .position(|namespace| namespace.name == self.namespace);
        let labels = match found {
            Some(index) => namespaces.swap_remove(index).labels,
            None if USUAL_NAMESPACES.contains(&self.namespace.as_str()) => Default::default(),
            None => {
                let names = namespaces.iter().map(|namespace| namespace.name.as_str());
                return Err(Error::NoSuchNamespace {
                    address: self.address.clone(),
                    namespace: self.namespace.clone(),
                    found: names.collect::<Vec<_>>().join("`, `"),
                });
            }
        };
        let named = labels.get(SNAPSHOTTER_LABEL).cloned();
        Ok(named.unwrap_or_else(|| DEFAULT_SNAPSHOTTER.to_owned()))
    }

    /// Ends what was begun and not ended, such as by a future that was dropped: leases, and with them writes that are
    /// not complete.
    ///
    /// # Errors
    /// If containerd refuses, or cannot be reached; its leases then end by themselves.
    pub async fn clean_up(&self) -> Result<(), Error> {
        let leases = self.leases.take();
        for id in leases {
            lease::delete(&self.channel, &id, true).await?;
        }
        Ok(())
    }
}

/// Whether a service answered with `code`.
fn is<T>(result: &Result<T, Error>, code: GrpcCode) -> bool {
    let error = result.as_ref().err();
    error.and_then(Error::grpc_code) == Some(code)
}
