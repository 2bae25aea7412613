//! A remote executor on this machine: justbuild's, which runs actions one folder each.

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{json, Value};

use crate::cleanup::Cleanup;
use crate::command::run;
use crate::e2e::patience::wait_for;
use crate::engine::{search_paths, Packages};
use crate::scratch::Scratch;
use crate::workspace::Workspace;

const PROGRAMS: Packages = Packages {
    suite: "forky",
    names: &["justbuild", "libarchive13t64", "libfmt11"],
};
/// Where it starts, if it starts.
const LIMIT: Duration = Duration::from_secs(20);
/// A user who is on every machine, and has nothing.
const DAEMON: u32 = 1;

/// Where it writes its port, and what it has to say.
const INFO: &str = "info";
const LOG: &str = "log";

/// Who runs the actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    Root,
    /// A user without ranges of other users' numbers.
    Other,
}

/// The executor. It ends when this is dropped, or when the process ends.
pub(super) struct Executor {
    address: String,
    // Before its folder goes.
    _end: Cleanup,
    _folder: Scratch,
}

impl Executor {
    /// Starts one.
    pub(super) fn start(workspace: &Workspace, user: User) -> Result<Self> {
        let unpacked = workspace.cache("e2e/executor");
        PROGRAMS.unpack(&unpacked)?;
        let folder = Scratch::new()?;
        // The cache may be in a home that others cannot look into.
        let programs = folder.file("programs");
        run(Command::new("cp").arg("-r").args([&unpacked, &programs]))?;
        let mut command = Command::new("setpriv");
        if user == User::Other {
            chown(folder.path(), Some(DAEMON), Some(DAEMON))
                .with_context(|| format!("failed to give away `{}`", folder.path().display()))?;
            let id = DAEMON.to_string();
            command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
        }
        let child = serve(command, &programs, folder.path())?;
        let child = Arc::new(Mutex::new(child));
        let end = Cleanup::new({
            let child = Arc::clone(&child);
            move || end(&child)
        });
        Ok(Self {
            address: format!("grpc://127.0.0.1:{}", port(folder.path())?),
            _end: end,
            _folder: folder,
        })
    }

    /// What Bazel calls it.
    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

fn serve(mut command: Command, programs: &Path, folder: &Path) -> Result<Child> {
    let (_, libraries) = search_paths(programs);
    let libraries = std::env::join_paths(libraries).context("a library folder has a colon")?;
    // What sandboxes keep goes with the folder.
    let launcher = json!(["env", "--", format!("TMPDIR={}", folder.display())]);
    command
        .args(["--pdeathsig", "TERM", "--"])
        .arg(programs.join("usr/bin/justbuild"))
        // As Bazel speaks to it; it has a way of its own as well.
        .args(["execute", "--compatible", "--interface=127.0.0.1"])
        .arg("--local-build-root")
        .arg(folder.join("build"))
        .arg("--info-file")
        .arg(folder.join(INFO))
        .arg("--local-launcher")
        .arg(launcher.to_string())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LD_LIBRARY_PATH", libraries)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(folder.join(LOG)).context("failed to make a log")?)
        .spawn()
        .context("failed to start justbuild")
}

/// The port, which it writes down when it serves.
fn port(folder: &Path) -> Result<u64> {
    wait_for(LIMIT, || {
        let text = fs::read(folder.join(INFO)).unwrap_or_default();
        let found = serde_json::from_slice::<Value>(&text).ok();
        found
            .and_then(|info| info["port"].as_u64())
            .with_context(|| {
                let said = fs::read_to_string(folder.join(LOG)).unwrap_or_default();
                format!("justbuild does not serve: {said}")
            })
    })
}

fn end(child: &Mutex<Child>) -> Result<()> {
    let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
    child.kill().context("failed to end justbuild")?;
    child.wait().context("failed to end justbuild")?;
    Ok(())
}
