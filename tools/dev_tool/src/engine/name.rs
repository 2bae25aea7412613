//! How a command names an engine, and a variant of it.

use std::fmt;
use std::str::FromStr;

use anyhow::{bail, Result};

use super::{Engine, ENGINES};

/// An engine as a command names it: `docker-28`, or `docker-28@tmpfs:64m` for a variant.
#[derive(Clone, Debug)]
pub(crate) struct EngineName {
    /// The kind.
    pub(crate) engine: &'static Engine,
    /// How it differs from the plain engine.
    pub(crate) variant: Variant,
}

/// How an engine differs from the plain one of its kind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Variant {
    /// Not at all.
    Plain,
    /// Its data is on a tmpfs of this size, as mount(8) takes it (`64m`).
    Tmpfs(String),
    /// It listens on a TCP port, too, with TLS.
    Tls,
    /// It is behind an ssh server.
    Ssh,
    /// Its containers have a network, and ports that can be published.
    Bridge,
}

impl EngineName {
    /// The plain engine of a kind.
    pub(crate) fn plain(engine: &'static Engine) -> Self {
        Self {
            engine,
            variant: Variant::Plain,
        }
    }

    /// The name, as a folder's may be; short, since sockets are below it.
    pub(crate) fn folder(&self) -> String {
        self.to_string().replace("@tmpfs:", "-").replace('@', "-")
    }
}

impl FromStr for EngineName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, variant) = match text.split_once('@') {
            Some((name, variant)) => (name, Some(variant)),
            None => (text, None),
        };
        let Some(engine) = ENGINES.iter().find(|engine| engine.name == name) else {
            let known: Vec<_> = ENGINES.iter().map(|engine| engine.name).collect();
            bail!(
                "there is no engine `{name}`: there are {}",
                known.join(", ")
            );
        };
        let variant = match variant {
            Some(variant) => variant.parse()?,
            None => Variant::Plain,
        };
        let fits = match &variant {
            Variant::Plain | Variant::Tmpfs(_) => true,
            Variant::Tls => engine.daemon.listens_on_tcp(),
            Variant::Ssh => engine.daemon.speaks_http(),
            Variant::Bridge => engine.daemon.makes_networks(),
        };
        if !fits {
            bail!("there is no `{text}`: {name} has no such variant");
        }
        Ok(Self { engine, variant })
    }
}

impl FromStr for Variant {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_size = |size: &str| {
            size.strip_suffix(['k', 'm', 'g']).is_some_and(|digits| {
                !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
            })
        };
        match text.strip_prefix("tmpfs:") {
            Some(size) if is_size(size) => Ok(Self::Tmpfs(size.to_owned())),
            None if text == "tls" => Ok(Self::Tls),
            None if text == "ssh" => Ok(Self::Ssh),
            None if text == "bridge" => Ok(Self::Bridge),
            _ => bail!(
                "there is no variant `{text}`: expected `tls`, `ssh`, `bridge`, or `tmpfs:` and a size, such as `tmpfs:64m`"
            ),
        }
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.engine.name)?;
        match &self.variant {
            Variant::Plain => Ok(()),
            Variant::Tmpfs(size) => write!(formatter, "@tmpfs:{size}"),
            Variant::Tls => formatter.write_str("@tls"),
            Variant::Ssh => formatter.write_str("@ssh"),
            Variant::Bridge => formatter.write_str("@bridge"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_and_printed() -> Result<()> {
        for name in [
            "docker-20",
            "docker-28@tls",
            "docker-28@bridge",
            "podman-5@ssh",
            "containerd@tmpfs:64m",
        ] {
            assert_eq!(name.parse::<EngineName>()?.to_string(), name);
        }
        Ok(())
    }

    #[test]
    fn wrong_names_tell_what_there_is() {
        for (name, part) in [
            ("docker-19", "there are docker-20, docker-28"),
            ("docker-28@disk", "no variant `disk`"),
            ("docker-28@tmpfs:64", "no variant `tmpfs:64`"),
            ("docker-28@tmpfs:m", "no variant `tmpfs:m`"),
            ("containerd@ssh", "containerd has no such variant"),
            ("podman-5@tls", "podman-5 has no such variant"),
            ("podman-5@bridge", "podman-5 has no such variant"),
        ] {
            match name.parse::<EngineName>() {
                Ok(_) => panic!("`{name}` was accepted"),
                Err(error) => assert!(error.to_string().contains(part), "{error}"),
            }
        }
    }
}
