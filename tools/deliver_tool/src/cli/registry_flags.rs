//! The flags that say how registries are talked to.

use std::path::PathBuf;

use clap::Args;
use stevedore_registry::credentials::HelperRule;
use stevedore_registry::Mirror;

use super::in_callers_directory;

/// How registries are talked to: those that are pushed to, and those that layers are fetched from.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Registries")]
pub(crate) struct RegistryFlags {
    /// Take plain HTTP, and certificates that nobody vouches for. Plain HTTP on this machine needs no flag.
    #[arg(long)]
    pub(crate) insecure: bool,
    /// A folder with certificates for registries: `*.crt` of authorities, `NAME.cert` and `NAME.key` of this client; may be
    /// repeated.
    #[arg(long, value_name = "DIR")]
    cert_dir: Vec<PathBuf>,
    /// A credential helper as Bazel has them, for registries that match the pattern, such as `*.example.com`; may be repeated.
    #[arg(long, value_name = "[PATTERN=]PATH")]
    pub(crate) credential_helper: Vec<HelperRule>,
    /// Talk to another host in place of a registry, such as `docker.io=mirror.example.com/hub`; may be repeated.
    #[arg(long, value_name = "REGISTRY=HOST[/PREFIX]")]
    pub(crate) mirror: Vec<Mirror>,
    /// How many seconds a request that fails is tried again; 0: not at all.
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    pub(crate) retry_time: u32,
    /// How many seconds a registry, or a credential helper, may take to answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) timeout: u32,
}

impl RegistryFlags {
    /// The folders with certificates.
    pub(crate) fn certificates(&self) -> Vec<PathBuf> {
        self.cert_dir
            .iter()
            .cloned()
            .map(in_callers_directory)
            .collect()
    }
}
