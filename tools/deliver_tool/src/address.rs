//! Which engine is meant.

use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use stevedore_engine::{Address, DEFAULT_ADDRESS};

use crate::exit_code::Usage;

/// The part of the Docker CLI's `config.json` that is read.
#[derive(Deserialize)]
struct CliConfig {
    #[serde(rename = "currentContext", default)]
    current_context: String,
}

/// The address of the engine: `host` (of `--host`), else `DOCKER_HOST`, else the default one.
///
/// What the Docker CLI would do and this cannot yet (TLS, contexts) is an error: another engine than the one that the
/// user works with would be worse.
pub(crate) fn of_engine(
    host: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Address, Usage> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let host = host.map(str::to_owned).filter(|host| !host.is_empty());
    let Some(host) = host.or_else(|| set("DOCKER_HOST")) else {
        if let Some(context) = current_context(set) {
            return Err(Usage::Context { context });
        }
        return DEFAULT_ADDRESS.parse().map_err(Usage::Address);
    };
    let address = host.parse().map_err(Usage::Address)?;
    match address {
        Address::Tcp { .. } if set("DOCKER_TLS_VERIFY").is_some() => Err(Usage::Tls { address }),
        address => Ok(address),
    }
}

/// The Docker CLI's context, unless that is the default one.
fn current_context(set: impl Fn(&'static str) -> Option<String>) -> Option<String> {
    let context = set("DOCKER_CONTEXT").or_else(|| {
        let directory = set("DOCKER_CONFIG")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(set("HOME")?).join(".docker")))?;
        // Without a config, or with one that makes no sense, the Docker CLI uses the default context too.
        let config = fs::read(directory.join("config.json")).ok()?;
        let config: CliConfig = serde_json::from_slice(&config).ok()?;
        Some(config.current_context)
    })?;
    (!context.is_empty() && context != "default").then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: Option<&str>, variables: &[(&str, &str)]) -> Result<String, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let address = of_engine(host, variable);
        address
            .map(|address| address.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_flag_comes_before_the_environment() {
        let environment = [("DOCKER_HOST", "tcp://there:1")];
        for (host, variables, expected) in [
            (Some("/a.sock"), &environment[..], "unix:///a.sock"),
            (None, &environment, "tcp://there:1"),
            (Some(""), &environment, "tcp://there:1"),
            (None, &[("DOCKER_HOST", "")], DEFAULT_ADDRESS),
            (None, &[("DOCKER_CONTEXT", "default")], DEFAULT_ADDRESS),
        ] {
            assert_eq!(address(host, variables), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn what_is_not_supported_yet_is_an_error() -> std::io::Result<()> {
        let directory = tempfile::tempdir()?;
        fs::write(
            directory.path().join("config.json"),
            r#"{"currentContext": "far"}"#,
        )?;
        let config = directory.path().to_string_lossy().into_owned();
        for (variables, text) in [
            (&[("DOCKER_CONTEXT", "far")][..], "`far`"),
            (&[("DOCKER_CONFIG", &config)], "`far`"),
            (
                &[
                    ("DOCKER_HOST", "tcp://there:2376"),
                    ("DOCKER_TLS_VERIFY", "1"),
                ],
                "`tcp://there:2376`",
            ),
            (&[("DOCKER_HOST", "npipe:////./pipe/docker")], "`npipe`"),
        ] {
            let result = address(None, variables);
            assert!(
                result.as_ref().is_err_and(|error| error.contains(text)),
                "{result:?}"
            );
        }
        Ok(())
    }
}
