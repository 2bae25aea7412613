//! What a search for credentials depends on.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

type Variable = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The environment of a program, as far as it tells where credentials are.
pub struct Surroundings {
    variable: Box<Variable>,
    user_id: u32,
}

/// A place where credentials may be.
pub(super) struct Place {
    /// How it is named in messages.
    pub(super) name: String,
    pub(super) kind: PlaceKind,
}

pub(super) enum PlaceKind {
    /// A file.
    File {
        path: PathBuf,
        /// Whether somebody has said that it is there.
        must_exist: bool,
    },
    /// The content of a variable.
    Text(String),
}

impl Surroundings {
    /// Asks `variable` for environment variables; `user_id` is this user's.
    pub fn new(
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        user_id: u32,
    ) -> Self {
        Self {
            variable: Box::new(variable),
            user_id,
        }
    }

    /// Those of this process.
    pub fn of_process() -> Self {
        let user_id = rustix::process::getuid().as_raw();
        Self::new(|name| std::env::var(name).ok(), user_id)
    }

    /// A variable; one that is empty counts as unset, as in the Docker CLI.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    fn folder(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from)
    }

    fn home(&self) -> Option<PathBuf> {
        self.folder("HOME")
    }

    /// The files and variables with credentials, in the order in which they are read.
    pub(super) fn places(&self) -> Vec<Place> {
        let in_home = |path: &str| Some(self.home()?.join(path));
        let mut places = Vec::new();
        if let Some(path) = self.folder("REGISTRY_AUTH_FILE") {
            places.push(self.file(path, true));
        }
        if let Some(text) = self.variable("DOCKER_AUTH_CONFIG") {
            places.push(Place {
                name: "DOCKER_AUTH_CONFIG".to_owned(),
                kind: PlaceKind::Text(text),
            });
        }
        let docker = self.folder("DOCKER_CONFIG").or_else(|| in_home(".docker"));
        places.extend(docker.map(|folder| self.file(folder.join("config.json"), false)));
        // `getPathToAuthWithOS` in containers/image's `pkg/docker/config/config.go`, line 550.
        let runtime = match self.folder("XDG_RUNTIME_DIR") {
            Some(folder) => folder.join("containers/auth.json"),
            None => format!("/run/containers/{}/auth.json", self.user_id).into(),
        };
        places.push(self.file(runtime, false));
        let config = self
            .folder("XDG_CONFIG_HOME")
            .or_else(|| in_home(".config"));
        places.extend(config.map(|folder| self.file(folder.join("containers/auth.json"), false)));
        places
    }

    fn file(&self, path: PathBuf, must_exist: bool) -> Place {
        Place {
            name: self.shown(&path),
            kind: PlaceKind::File { path, must_exist },
        }
    }

    /// `path` as it is shown: `~` stands for the home folder.
    fn shown(&self, path: &Path) -> String {
        let home = self.home();
        let below = home.as_ref().and_then(|home| path.strip_prefix(home).ok());
        match below {
            Some(rest) => format!("~/{}", rest.display()),
            None => path.display().to_string(),
        }
    }

    /// The program of this name in the folders of `PATH`.
    pub(super) fn on_path(&self, name: &str) -> Option<PathBuf> {
        let path = self.variable("PATH")?;
        let mut candidates = std::env::split_paths(&path).map(|folder| folder.join(name));
        candidates.find(|path| is_program(path))
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
