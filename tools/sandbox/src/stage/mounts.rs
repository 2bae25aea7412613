//! What is mounted in the sandbox beside its root.

use std::fs;
use std::path::{Path, PathBuf};

use stevedore_image::digest::Digest;

use super::error::Error;
use super::inputs;
use super::namespace::Identity;
use super::run_folder::RunFolder;
use super::scaffold::{Scaffold, Shape};
use crate::request::{InputEntry, Mount, Network, Request};

/// Where the agent is.
pub(super) const AGENT: &str = "/.stevedore/agent";
/// What the sandbox calls itself, as containers do: commands write it down.
pub(super) const HOST_NAME: &str = "stevedore";
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Something to be mounted, whose place is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mounting {
    /// A file or directory of this machine.
    Bind {
        source: PathBuf,
        target: PathBuf,
        is_read_only: bool,
    },
    /// An empty directory in memory.
    Tmpfs { target: PathBuf, size: Option<u64> },
}

/// Makes the places and the sources of all that is mounted.
pub(super) fn prepare(
    request: &Request,
    folder: &RunFolder,
    scaffold: &mut Scaffold,
    identity: &Identity,
) -> Result<Vec<Mounting>, Error> {
    let mut preparing = Preparing {
        folder,
        scaffold,
        mountings: Vec::new(),
    };
    for target in ["/dev", "/proc", "/sys"] {
        preparing.scaffold.place(target, Shape::Directory)?;
    }
    preparing.bind(&request.agent, AGENT, true)?;
    preparing.name_files(request.network)?;
    for (index, mount) in request.mounts.iter().enumerate() {
        match mount {
            Mount::Input { target, entries } => preparing.input(index, target, entries)?,
            Mount::Cache { target, name } => {
                let caches = request.cache.join("caches").join(identity.name());
                // Any text is a name.
                let source = caches.join(Digest::of(name.as_bytes()).hex());
                fs::create_dir_all(&source).map_err(Error::io("make", &source))?;
                preparing.bind(&source, target, false)?;
            }
            Mount::Tmpfs { target, size } => {
                let spot = preparing.scaffold.place(target, Shape::Directory)?;
                let target = spot.path;
                preparing.mountings.push(Mounting::Tmpfs {
                    target,
                    size: *size,
                });
            }
        }
    }
    Ok(preparing.mountings)
}

struct Preparing<'a> {
    folder: &'a RunFolder,
    scaffold: &'a mut Scaffold,
    mountings: Vec<Mounting>,
}

impl Preparing<'_> {
    fn bind(&mut self, source: &Path, target: &str, is_read_only: bool) -> Result<(), Error> {
        // What the build made may be links.
        let source = fs::canonicalize(source).map_err(Error::io("find", source))?;
        let shape = match source.is_dir() {
            true => Shape::Directory,
            false => Shape::File,
        };
        let target = self.scaffold.place(target, shape)?.path;
        self.mountings.push(Mounting::Bind {
            source,
            target,
            is_read_only,
        });
        Ok(())
    }

    /// The files that every engine makes.
    fn name_files(&mut self, network: Network) -> Result<(), Error> {
        let folder = self.folder.folder("etc")?;
        let resolv_conf = match network {
            Network::None => Vec::new(),
            // A machine without one reaches nothing by name, and the sandbox does not either.
            Network::Host => fs::read(RESOLV_CONF).unwrap_or_default(),
        };
        let hosts = format!("127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.0.1\t{HOST_NAME}\n");
        for (target, content) in [
            (RESOLV_CONF, resolv_conf),
            ("/etc/hostname", format!("{HOST_NAME}\n").into_bytes()),
            ("/etc/hosts", hosts.into_bytes()),
        ] {
            let source = folder.join(target.trim_start_matches("/etc/"));
            fs::write(&source, content).map_err(Error::io("write", &source))?;
            self.bind(&source, target, false)?;
        }
        Ok(())
    }

    /// An input is one file or directory, where the image has nothing.
    fn input(&mut self, index: usize, target: &str, entries: &[InputEntry]) -> Result<(), Error> {
        if self.scaffold.find(target)?.found.is_some() {
            return Err(Error::Collides {
                target: target.to_owned(),
            });
        }
        let copy = self.folder.folder("inputs")?.join(index.to_string());
        inputs::copy(entries, &copy)?;
        self.bind(&copy, target, true)
    }
}
