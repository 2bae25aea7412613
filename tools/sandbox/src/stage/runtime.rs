//! The OCI runtime: the program of this machine that starts the container.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use super::error::Error;
use super::run_folder::RunFolder;

/// The variable that names the program.
const VARIABLE: &str = "STEVEDORE_RUNTIME";
/// Those that are looked for, in this order.
const NAMES: [&str; 2] = ["runc", "crun"];
/// The order where control groups are of version 2 alone: crun is three times as fast, and refuses those of both versions.
const NAMES_FOR_UNIFIED: [&str; 2] = ["crun", "runc"];
/// What is there if they are.
const UNIFIED: &str = "/sys/fs/cgroup/cgroup.controllers";
/// Where they are, whatever `PATH` says: a build's rarely has the folders of the administrator.
const FOLDERS: [&str; 6] = [
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/bin",
    "/sbin",
];
const LOG: &str = "runtime.log";
/// Of the runtime's log, for an error.
const LAST_LINES: usize = 5;

/// A program that is found.
pub(super) struct Runtime {
    path: PathBuf,
}

/// A container that was started, and is removed when this is dropped.
pub(super) struct Running {
    child: Child,
    path: PathBuf,
    state: PathBuf,
    log: PathBuf,
    name: String,
    has_control_group: bool,
    has_ended: bool,
}

impl Runtime {
    /// The one that is named, or the first that is found.
    pub(super) fn find() -> Result<Self, Error> {
        if let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            return Ok(Self { path: path.into() });
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = || env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
        let names = match Path::new(UNIFIED).exists() {
            true => NAMES_FOR_UNIFIED,
            false => NAMES,
        };
        let candidates = names
            .into_iter()
            .flat_map(|name| folders().map(move |folder| folder.join(name)));
        match candidates.into_iter().find(|path| is_program(path)) {
            Some(path) => Ok(Self { path }),
            None => Err(Error::NoRuntime {
                searched: env::join_paths(folders())
                    .unwrap_or_else(|_| OsString::from("PATH"))
                    .to_string_lossy()
                    .into_owned(),
            }),
        }
    }

    /// Starts the container that is described in the folder.
    pub(super) fn start(
        self,
        folder: &RunFolder,
        has_control_group: bool,
    ) -> Result<Running, Error> {
        let (state, log) = (folder.path("runtime"), folder.path(LOG));
        let name = folder.name().to_owned();
        let child = command(&self.path, &state, &log)
            .arg("run")
            .arg("--bundle")
            .arg(folder.path(""))
            .arg(&name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        match child {
            Ok(child) => Ok(Running {
                child,
                path: self.path,
                state,
                log,
                name,
                has_control_group,
                has_ended: false,
            }),
            Err(source) => Err(Error::StartRuntime {
                path: self.path,
                source,
            }),
        }
    }
}

impl Running {
    /// The agent's standard input.
    pub(super) fn input(&mut self) -> Result<ChildStdin, Error> {
        self.child.stdin.take().ok_or(Error::Unwanted)
    }

    /// The agent's standard output.
    pub(super) fn output(&mut self) -> Result<ChildStdout, Error> {
        self.child.stdout.take().ok_or(Error::Unwanted)
    }

    /// The command that ends the container.
    pub(super) fn force(&self) -> Command {
        let mut command = command(&self.path, &self.state, &self.log);
        command.args(["delete", "--force", &self.name]);
        command
    }

    /// Waits until all in the container has ended.
    pub(super) fn wait(&mut self) -> Result<ExitStatus, Error> {
        let status = self.child.wait().map_err(Error::Agent)?;
        self.has_ended = true;
        Ok(status)
    }

    /// Why the agent has said nothing.
    pub(super) fn end_without_verdict(mut self) -> Error {
        let status = match self.wait() {
            Ok(status) => status.to_string(),
            Err(error) => return error,
        };
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.len().saturating_sub(LAST_LINES);
        Error::Runtime {
            path: self.path.clone(),
            status,
            log: lines[last..].join("; "),
            hint: match self.has_control_group {
                true => {
                    "; a limit of memory or processors needs control groups that may be written to"
                }
                false => "",
            },
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            // Whatever it says: the folder is removed by this stage, or the next.
            let _ = self.force().output();
            let _ = self.child.wait();
        }
    }
}

/// The runtime, whose own messages do not mix with the commands'.
fn command(path: &Path, state: &Path, log: &Path) -> Command {
    let mut command = Command::new(path);
    command.arg("--root").arg(state).arg("--log").arg(log);
    command
}

fn is_program(path: &Path) -> bool {
    let metadata = fs::metadata(path);
    metadata.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
