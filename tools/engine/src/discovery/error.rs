//! Why what names an engine makes no sense.

use std::io;
use std::path::PathBuf;

use super::Origin;
use crate::address::{Address, AddressError};

/// Why it is not known which engine is meant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The address is none.
    #[error("{origin} names no engine")]
    Address {
        /// Who names it.
        origin: Origin,
        /// What is wrong.
        source: AddressError,
    },
    /// The address is of a kind that is used only on demand.
    #[error(
        "{origin} names `{address}`, and an address of this kind is used only if `--host` names it"
    )]
    OnlyByFlag {
        /// Who names it.
        origin: Origin,
        /// The address.
        address: Address,
    },
    /// The Docker CLI has no such context.
    #[error(
        "the Docker CLI has no context `{context}`: there is no `{path}`; `docker context ls` shows those there are, and \
         `DOCKER_CONTEXT`, `docker context use` or `--host` choose another engine"
    )]
    NoContext {
        /// Its name.
        context: String,
        /// The file that should describe it.
        path: PathBuf,
    },
    /// A context cannot be read.
    #[error("failed to read `{path}` of the Docker CLI's context `{context}`")]
    ReadContext {
        /// Its name.
        context: String,
        /// The file that describes it.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A context cannot be understood.
    #[error("`{path}` of the Docker CLI's context `{context}` is malformed")]
    MalformedContext {
        /// Its name.
        context: String,
        /// The file that describes it.
        path: PathBuf,
        /// What the JSON parser said.
        source: serde_json::Error,
    },
    /// A context is for something else than Docker.
    #[error("the Docker CLI's context `{context}` has no endpoint `docker`; choose another with `docker context use`, or name the engine with `--host`")]
    NoEndpoint {
        /// Its name.
        context: String,
    },
}
