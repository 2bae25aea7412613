//! The container engines that development uses: real daemons, each in a folder of its own.

pub(crate) mod api;
mod debian;
pub(crate) mod instance;
mod mounts;
mod process;

use std::fmt;
use std::str::FromStr;

use anyhow::{bail, Result};

/// A kind of engine: a row of [`ENGINES`].
#[derive(Debug)]
pub(crate) struct Engine {
    /// The name by which commands call it.
    pub(crate) name: &'static str,
    /// What it is, for `dev/engine list`.
    pub(crate) about: &'static str,
    /// Where its programs come from.
    programs: Programs,
    /// What its daemon's version must begin with: a suite that has moved on is an error, not another engine under the old name.
    version: &'static str,
    /// The daemon's configuration file.
    settings: &'static str,
}

/// Where an engine's programs come from.
#[derive(Debug)]
enum Programs {
    /// They are installed in the root that `dev/` runs in.
    Root,
    /// Debian packages, unpacked into a folder of the cache.
    Packages(debian::Packages),
}

/// Every engine there is.
pub(crate) static ENGINES: &[Engine] = &[
    Engine {
        name: "docker-20",
        about: "Docker 20.10 from Debian 12, graphdriver overlay2",
        programs: Programs::Packages(debian::Packages {
            suite: "bookworm",
            names: &[
                "containerd",
                "docker.io",
                "libdevmapper1.02.1",
                "libseccomp2",
                "runc",
                "tini",
            ],
        }),
        version: "20.10.",
        settings: r#"{"storage-driver": "overlay2"}"#,
    },
    Engine {
        name: "docker-28",
        about: "Docker 28.5, graphdriver overlay2",
        programs: Programs::Root,
        version: "28.",
        settings: r#"{"storage-driver": "overlay2", "features": {"containerd-snapshotter": false}}"#,
    },
    Engine {
        name: "docker-28-containerd",
        about: "Docker 28.5, containerd image store",
        programs: Programs::Root,
        version: "28.",
        settings: r#"{"features": {"containerd-snapshotter": true}}"#,
    },
];

/// An engine as a command names it: `docker-28`, or `docker-28@tmpfs:64m` for one whose data root is a small tmpfs.
#[derive(Clone, Debug)]
pub(crate) struct EngineName {
    /// The kind.
    pub(crate) engine: &'static Engine,
    /// The size of the tmpfs for the data root, as `mount` takes it (`64m`).
    pub(crate) tmpfs: Option<String>,
}

impl FromStr for EngineName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, storage) = match text.split_once('@') {
            Some((name, storage)) => (name, Some(storage)),
            None => (text, None),
        };
        let Some(engine) = ENGINES.iter().find(|engine| engine.name == name) else {
            let known: Vec<_> = ENGINES.iter().map(|engine| engine.name).collect();
            bail!(
                "there is no engine `{name}`: there are {}",
                known.join(", ")
            );
        };
        let tmpfs = storage.map(tmpfs_size).transpose()?;
        Ok(Self { engine, tmpfs })
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.engine.name)?;
        match &self.tmpfs {
            Some(size) => write!(formatter, "@tmpfs:{size}"),
            None => Ok(()),
        }
    }
}

fn tmpfs_size(storage: &str) -> Result<String> {
    match storage.strip_prefix("tmpfs:") {
        Some(size)
            if size.strip_suffix(['k', 'm', 'g']).is_some_and(|digits| {
                !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
            }) =>
        {
            Ok(size.to_owned())
        }
        _ => bail!(
            "there is no storage `{storage}`: expected `tmpfs:` and a size, such as `tmpfs:64m`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_and_printed() -> Result<()> {
        for name in ["docker-20", "docker-28", "docker-28@tmpfs:64m"] {
            assert_eq!(name.parse::<EngineName>()?.to_string(), name);
        }
        Ok(())
    }

    #[test]
    fn wrong_names_tell_what_there_is() {
        for (name, part) in [
            ("docker-19", "there are docker-20, docker-28"),
            ("docker-28@disk", "no storage `disk`"),
            ("docker-28@tmpfs:64", "no storage `tmpfs:64`"),
            ("docker-28@tmpfs:m", "no storage `tmpfs:m`"),
        ] {
            match name.parse::<EngineName>() {
                Ok(_) => panic!("`{name}` was accepted"),
                Err(error) => assert!(error.to_string().contains(part), "{error}"),
            }
        }
    }
}
