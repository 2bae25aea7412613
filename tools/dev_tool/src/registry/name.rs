//! The names of registries: a kind, and a way in which it wants to be spoken to.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{bail, Result};

/// A kind of registry: a row of [`REGISTRIES`].
#[derive(Debug)]
pub(crate) struct Kind {
    /// The name by which commands call it.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) about: &'static str,
    /// What runs it.
    pub(super) program: Program,
}

/// The programs that registries are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// Debian's package of the distribution registry.
    Distribution,
    /// The same of a newer version, built from its source.
    BuiltDistribution,
    /// go-containerregistry's.
    Crane,
}

/// Every kind there is.
pub(crate) static REGISTRIES: &[Kind] = &[
    Kind {
        name: "distribution-2",
        about: "the distribution registry 2.8, Debian's docker-registry",
        program: Program::Distribution,
    },
    Kind {
        name: "distribution-3",
        about: "the distribution registry 3.1, built from its source",
        program: Program::BuiltDistribution,
    },
    Kind {
        name: "crane",
        about: "`crane registry serve`, of go-containerregistry",
        program: Program::Crane,
    },
];

/// A registry as commands name it: `distribution-2`, `distribution-2@tls`.
#[derive(Clone, Debug)]
pub(crate) struct RegistryName {
    pub(super) kind: &'static Kind,
    pub(super) variant: Variant,
}

/// How it wants to be spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// Plain http, by anybody.
    Plain,
    /// With a name and a password in every request.
    Htpasswd,
    /// With tokens, which are good for so long if that is chosen, and clients are then not told.
    Token(Option<Duration>),
    /// https, with a certificate of an authority that nobody knows.
    Tls,
    /// The same, and clients need certificates too.
    MutualTls,
}

impl FromStr for RegistryName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, variant) = match text.split_once('@') {
            Some((name, variant)) => (name, variant.parse()?),
            None => (text, Variant::Plain),
        };
        let Some(kind) = REGISTRIES.iter().find(|kind| kind.name == name) else {
            let known: Vec<_> = REGISTRIES.iter().map(|kind| kind.name).collect();
            bail!(
                "there is no registry `{name}`: there are {}",
                known.join(", ")
            );
        };
        if kind.program == Program::Crane && variant != Variant::Plain {
            bail!("there is no `{text}`: {name} speaks plain http with everybody");
        }
        Ok(Self { kind, variant })
    }
}

impl FromStr for Variant {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "htpasswd" => Self::Htpasswd,
            "token" => Self::Token(None),
            "tls" => Self::Tls,
            "mtls" => Self::MutualTls,
            _ => match text.strip_prefix("token:").map(str::parse) {
                Some(Ok(seconds)) => Self::Token(Some(Duration::from_secs(seconds))),
                _ => bail!(
                    "there is no variant `{text}`: expected `htpasswd`, `token`, `token:` and a number of seconds, `tls` or `mtls`"
                ),
            },
        })
    }
}

impl fmt::Display for RegistryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind.name)?;
        match &self.variant {
            Variant::Plain => Ok(()),
            Variant::Htpasswd => formatter.write_str("@htpasswd"),
            Variant::Token(None) => formatter.write_str("@token"),
            Variant::Token(Some(life)) => write!(formatter, "@token:{}", life.as_secs()),
            Variant::Tls => formatter.write_str("@tls"),
            Variant::MutualTls => formatter.write_str("@mtls"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_and_printed() -> Result<()> {
        for name in [
            "crane",
            "distribution-2",
            "distribution-3@token",
            "distribution-2@token:2",
            "distribution-2@mtls",
        ] {
            assert_eq!(name.parse::<RegistryName>()?.to_string(), name);
        }
        Ok(())
    }

    #[test]
    fn wrong_names_tell_what_there_is() {
        for (name, part) in [
            ("zot", "there are distribution-2, distribution-3, crane"),
            ("distribution-2@token:soon", "no variant `token:soon`"),
            ("crane@tls", "crane speaks plain http"),
        ] {
            match name.parse::<RegistryName>() {
                Ok(_) => panic!("`{name}` was accepted"),
                Err(error) => assert!(error.to_string().contains(part), "{error}"),
            }
        }
    }
}
