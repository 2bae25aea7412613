//! Commands that run in a container of an image, and what they leave: a layer, files, or what they print.
//!
//! A program of ours, the agent, is put into the container and is its first process. It tells what the commands have changed, so
//! no container is committed, no image made, and nothing is read but the layer; and it does so in the same way whatever the
//! engine and its storage are, so the same commands make the same layer everywhere.
#![deny(missing_docs)]

mod base;
mod conversation;
mod daemon;
mod error;
mod extract;
mod inputs;
mod job;
mod layer;
mod log;
mod marks;
mod printed;
mod run;
mod sandbox;
mod secret;
mod spec;
mod stream;
mod trial;
mod upload;
mod verdict;

pub use conversation::ConversationError;
pub use daemon::Daemon;
pub use error::{Error, LastLines};
pub use extract::ExtractError;
pub use layer::LayerFiles;
pub use log::Log;
pub use printed::{Printed, PrintedStream};
pub use run::Run;
pub use sandbox::Sandbox;
pub use secret::{Secret, SecretError, SecretPlaces};
pub use spec::{
    CollectSpec, FileSpec, InputEntry, InputSpec, Kind, LayerSpec, RunSpec, RunSpecError,
};
pub use stevedore_delivery::{EngineSpec, Network};
pub use stevedore_sandbox::stage_if_asked;
pub use trial::{Trial, Tried};
