//! Container engines: where they listen, what they are, and how an image or a container gets into them.
//!
//! [`discovery`] tells where one may be. A [`Connection`] is an engine that has answered. [`Engine`]
//! is what all kinds of them have; how an image gets in is each kind's own: [`Docker`] is everything
//! that speaks the Docker Engine API, and what differs between the stores behind it is told by
//! [`Docker::store`], and left to the delivery.
//! Containers are run by [`Container`].
//!
//! This is written on hyper, not on bollard 0.21, for five reasons that were tried: an engine that
//! answers *during* an upload is read to the end here ([`Docker`]'s `load`); the headers of `_ping`
//! are needed, and bollard drops them; every request and byte is counted ([`Traffic`]); bollard
//! resolves an absolute path against its versioned base, so that no request carries the API version
//! (`Uri::parse` in its `src/uri.rs`); and its decoder guesses from the first byte whether a
//! container has a terminal (`NewlineLogOutputDecoder` in `src/read.rs`). What would remain for it
//! are a few calls of ten lines, at the price of 35 crates that every user builds from source.
#![deny(missing_docs)]

mod address;
mod answer;
mod client;
mod connection;
mod container;
mod container_request;
mod containerd;
mod content;
pub mod discovery;
mod docker;
mod engine;
mod error;
mod grpc;
mod identity;
mod inventory;
mod leftovers;
mod libpod;
mod message;
mod podman;
mod podman_command;
mod process;
mod socket;
mod ssh;
mod stdio;
mod transport;
mod volume;

pub use address::{Address, AddressError};
pub use answer::{LoadAnswer, Refusal};
pub use connection::Connection;
pub use container::{Container, Wait, WindowSize};
pub use container_request::{ContainerRequest, VolumeMount, Workplace};
pub use containerd::{Containerd, Lease, NamedImage, Snapshots, Unpacked};
pub use content::{BlobInfo, BlobReader, Content, NewBlob};
pub use docker::Docker;
pub use engine::{Archive, Engine, ImageFacts, ImageName, LoadProgress, NameRemoval, Tagged};
pub use error::{Action, Error, GrpcCode};
pub use identity::{EngineKind, Identity, Store};
pub use inventory::{Inventory, ListedImage};
pub use leftovers::{Leftover, LeftoverKind};
pub use libpod::Libpod;
pub use podman::Podman;
pub use podman_command::PodmanCommand;
pub use process::ProcessMark;
pub use ssh::{RemoteCommand, SshAddress, SshError};
pub use stdio::{Input, Output, OutputReader};
