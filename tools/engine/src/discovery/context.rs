//! The contexts of the Docker CLI, as its `cli/context/store` keeps them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use stevedore_image::digest::Digest;

use super::surroundings::client_files;
use super::{parse, Candidate, DiscoveryError, Origin, Surroundings};
use crate::address::DEFAULT_ADDRESS;
use stevedore_wire::TlsFiles;

/// The context that is none: it stands for the variables and the usual socket.
const DEFAULT_CONTEXT: &str = "default";

/// The part of the Docker CLI's `config.json` that is read.
#[derive(Deserialize)]
struct CliConfig {
    #[serde(rename = "currentContext", default)]
    current_context: String,
}

/// The part of a context's `meta.json` that is read.
#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "Endpoints", alias = "endpoints", default)]
    endpoints: Endpoints,
}

#[derive(Default, Deserialize)]
struct Endpoints {
    docker: Option<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_tls_verify: bool,
}

/// The name of the Docker CLI's context, unless that is the default one.
pub(super) fn current(surroundings: &Surroundings<'_>) -> Option<String> {
    let context = surroundings.variable("DOCKER_CONTEXT").or_else(|| {
        // Without a config, or with one that makes no sense, the Docker CLI uses the default context too.
        let config = fs::read(surroundings.docker_config()?.join("config.json")).ok()?;
        let config: CliConfig = serde_json::from_slice(&config).ok()?;
        Some(config.current_context)
    })?;
    (!context.is_empty() && context != DEFAULT_CONTEXT).then_some(context)
}

/// The engine of the context `name`.
pub(super) fn endpoint(
    name: String,
    surroundings: &Surroundings<'_>,
) -> Result<Candidate, DiscoveryError> {
    let store = surroundings
        .docker_config()
        .unwrap_or_default()
        .join("contexts");
    let folder = Digest::of(name.as_bytes()).hex();
    let metadata = read(&name, store.join("meta").join(&folder).join("meta.json"))?;
    let Some(endpoint) = metadata.endpoints.docker else {
        return Err(DiscoveryError::NoEndpoint { context: name });
    };
    let origin = Origin::Context(name);
    let host = match endpoint.host.as_str() {
        "" => DEFAULT_ADDRESS,
        host => host,
    };
    let address = parse(host, &origin)?;
    let tls = tls_files(
        &store.join("tls").join(&folder).join("docker"),
        endpoint.skip_tls_verify,
    );
    Ok(Candidate {
        address: match tls {
            Some(files) => address.with_tls(files),
            None => address,
        },
        origin,
    })
}

fn read(context: &str, path: PathBuf) -> Result<Metadata, DiscoveryError> {
    let context = context.to_owned();
    let metadata = match fs::read(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(DiscoveryError::NoContext { context, path })
        }
        Err(source) => {
            return Err(DiscoveryError::ReadContext {
                context,
                path,
                source,
            })
        }
    };
    serde_json::from_slice(&metadata).map_err(|source| DiscoveryError::MalformedContext {
        context,
        path,
        source,
    })
}

/// A context without such files, and that does not ask for less, is spoken to without TLS.
fn tls_files(folder: &Path, skip_verify: bool) -> Option<TlsFiles> {
    let ca = folder.join("ca.pem");
    let files = TlsFiles {
        ca: ca.exists().then_some(ca).into_iter().collect(),
        and_system: false,
        client: client_files(folder),
        skip_verify,
    };
    (files != TlsFiles::default()).then_some(files)
}
