//! What an image is expected to be, compared with what it is.
//!
//! The config and the layers are read, and nothing is run: what is told of a command is compared with what somebody else has
//! found that it did. Each expectation is a [`Case`], and a case tells everything that differs.
#![deny(missing_docs)]

mod absence;
mod case;
mod checks;
mod command;
mod config;
mod content;
mod diff;
mod difference;
mod error;
mod expected;
mod file;
mod junit;
mod layers;
mod policy;
mod text;

pub use case::{Case, Outcome};
pub use checks::{Checks, Needs, Subject};
pub use command::{CommandCheck, Ended, Written};
pub use config::ImageConfig;
pub use content::Contents;
pub use error::Error;
pub use expected::{
    Expected, ExpectedCommand, ExpectedConfig, ExpectedFile, ExpectedLayers, ExpectedText,
    FileType, Policy,
};
pub use junit::write as write_junit;
pub use text::{filter, MOST_COMPARED};
