//! What belongs to one daemon: its folder, and the programs that it uses.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Context, Result};

use super::{debian, Engine, Programs};
use crate::workspace::Workspace;

/// The longest path that a Unix socket may have (`sun_path` of unix(7), less the final NUL).
const SOCKET_PATH: usize = 107;

/// A folder of one daemon's own.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    /// A second folder of this place's own, with a short path that every user can enter.
    short: PathBuf,
    /// Folders to search for programs and libraries before the root's own.
    programs: Vec<PathBuf>,
    libraries: Vec<PathBuf>,
}

impl Place {
    /// The place with this name, in this checkout: engines of two clones run side by side.
    pub(crate) fn new(workspace: &Workspace, engine: &Engine, name: &str) -> Self {
        let (programs, libraries) = match engine.programs {
            Programs::Root => (Vec::new(), Vec::new()),
            Programs::Packages(_) => debian::search_paths(&program_folder(workspace, engine)),
        };
        let short = std::env::temp_dir()
            .join(format!("stevedore-{}", workspace.checkout()))
            .join(name);
        let folder = match engine.daemon.needs_reachable_folder() {
            true => short.join("home"),
            false => workspace
                .cache("engines")
                .join(workspace.checkout())
                .join(name),
        };
        Self {
            folder,
            short,
            programs,
            libraries,
        }
    }

    /// Everything that the daemon writes is below it.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path in the folder; it need not exist.
    pub(crate) fn file(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.folder.join(relative)
    }

    /// What survives the daemon: images and containers.
    pub(crate) fn data(&self) -> PathBuf {
        self.file("data")
    }

    /// What does not: mount points, sockets of shims. Below a short path, since dockerd puts sockets deep into it.
    pub(crate) fn exec(&self) -> PathBuf {
        self.short.join("exec")
    }

    /// All folders that are this place's own.
    pub(crate) fn folders(&self) -> [&Path; 2] {
        [&self.folder, &self.short]
    }

    /// The control group of its containers, where the daemon lets one choose.
    pub(crate) fn control_group(&self) -> String {
        // Told apart by checkout and name, as the folder is.
        let name = self
            .short
            .strip_prefix(std::env::temp_dir())
            .unwrap_or(&self.short);
        name.to_string_lossy()
            .trim_start_matches('/')
            .replace('/', "-")
    }

    /// Makes a folder in the folder, unless it is there.
    pub(crate) fn create_folder(&self, relative: &str) -> Result<PathBuf> {
        create(self.file(relative))
    }

    /// Makes [`Place::exec`], unless it is there.
    pub(crate) fn create_exec(&self) -> Result<PathBuf> {
        create(self.exec())
    }

    /// Writes a file in the folder.
    pub(crate) fn write(&self, relative: &str, text: &str) -> Result<PathBuf> {
        let file = self.file(relative);
        fs::write(&file, text).with_context(|| format!("failed to write `{}`", file.display()))?;
        Ok(file)
    }

    /// Removes a file in the folder, if it is there.
    pub(crate) fn remove(&self, relative: impl AsRef<Path>) -> Result<()> {
        let file = self.file(relative);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("failed to remove `{}`", file.display()))
            }
            _ => Ok(()),
        }
    }

    /// Fails if a socket at `path` could not be made because its path is too long.
    pub(crate) fn check_socket(path: &Path) -> Result<()> {
        if path.as_os_str().len() > SOCKET_PATH {
            bail!(
                "the socket's path `{}` is longer than the {SOCKET_PATH} bytes that a socket may have: choose a shorter cache folder",
                path.display()
            );
        }
        Ok(())
    }

    /// The program `name` of this engine, or the root's.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs
            .iter()
            .map(|folder| folder.join(name))
            .find(|program| program.exists())
            .unwrap_or_else(|| PathBuf::from(name))
    }

    /// A command of this engine, with the libraries and further programs that it needs.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.program(name));
        command.envs(self.search_variables());
        command
    }

    /// `name` of this engine, with the words of `prefix` before it.
    pub(crate) fn prefixed(&self, prefix: &[&str], name: &str) -> Command {
        match prefix {
            [] => self.command(name),
            [first, rest @ ..] => {
                let mut command = self.command(first);
                command.args(rest).arg(self.program(name));
                command
            }
        }
    }

    /// The variables with which this engine's programs are found; none if they are the root's.
    pub(crate) fn search_variables(&self) -> Vec<(&'static str, OsString)> {
        [
            ("PATH", &self.programs),
            ("LD_LIBRARY_PATH", &self.libraries),
        ]
        .into_iter()
        .filter(|(_, own)| !own.is_empty())
        .map(|(variable, own)| (variable, search(variable, own)))
        .collect()
    }
}

fn create(folder: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&folder)
        .with_context(|| format!("failed to create `{}`", folder.display()))?;
    Ok(folder)
}

/// Where the programs of an engine that come from packages are unpacked.
pub(crate) fn program_folder(workspace: &Workspace, engine: &Engine) -> PathBuf {
    workspace.cache(Path::new("engines/programs").join(engine.name))
}

/// `own`, then what `variable` holds.
pub(crate) fn search(variable: &str, own: &[PathBuf]) -> OsString {
    let inherited = std::env::var_os(variable).unwrap_or_default();
    let mut folders = OsString::new();
    for folder in own {
        folders.push(folder);
        folders.push(":");
    }
    folders.push(inherited);
    // An empty entry would be the current folder.
    match folders.to_str().map(|text| text.trim_end_matches(':')) {
        Some(text) => text.into(),
        None => folders,
    }
}
