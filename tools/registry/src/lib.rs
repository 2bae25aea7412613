//! Registries: the distribution protocol, spoken as a client.
#![deny(missing_docs)]

pub mod credentials;
