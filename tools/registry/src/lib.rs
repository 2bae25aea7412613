//! Registries: the distribution protocol, spoken as a client.
//!
//! See <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>. [`Registries`] are all that one delivery
//! talks to; a [`RepositoryClient`] of one of them is asked for what it has, and takes what it lacks.
//!
//! This is written on hyper, as the engines' API is, not on oci-client 0.15: an upload there is neither resumed nor
//! mounted with the answer's session in use, requests and bytes cannot be counted, and a blob is read into memory.
#![deny(missing_docs)]

mod answer;
mod authorizer;
mod blob;
mod certificates;
mod challenge;
mod connector;
pub mod credentials;
mod download;
mod endpoint;
mod error;
mod host;
mod manifest;
mod options;
mod payload;
mod registries;
mod repository_client;
mod retry;
mod sessions;
mod token;
mod upload;

pub use blob::{BlobSource, BlobStream, Delivered};
pub use download::BlobSink;
pub use endpoint::{Mirror, MirrorError};
pub use error::{Action, Error};
pub use options::{Notice, Options};
pub use registries::Registries;
pub use repository_client::RepositoryClient;
