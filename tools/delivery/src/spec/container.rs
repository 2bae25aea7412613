//! Where commands run, and what they see of a network.

use serde::Deserialize;

/// What runs commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineSpec {
    /// A container engine.
    Daemon,
    /// An OCI runtime on this machine.
    Sandbox,
}

/// What network commands see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Only themselves.
    None,
    /// What the engine gives to a container; that of the machine in the sandbox.
    Default,
    /// That of the machine.
    Host,
}
