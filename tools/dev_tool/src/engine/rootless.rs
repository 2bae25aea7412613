//! podman as a user without rights, in a user namespace of its own.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::daemon::Daemon;
use super::docker::{api_version, docker_client};
use super::place::Place;
use super::podman;
use super::process::Process;
use crate::command::run;

/// The user: `daemon` of every Debian.
const USER: u32 = 1;

/// The users that it may have in its namespace: one line of subuid(5), and of subgid(5).
const SUBORDINATES: &str = "1:100000:65536\n";

/// Binds a file with [`SUBORDINATES`] (the first argument) over those of the root, and goes on with the rest: the root
/// itself is never changed, and newuidmap reads nothing else.
const WITH_SUBORDINATES: &str =
    r#"mount --bind "$1" /etc/subuid && mount --bind "$1" /etc/subgid && shift && exec "$@""#;

/// `podman system service`, as [`USER`].
#[derive(Debug)]
pub(crate) struct RootlessPodman;

impl Daemon for RootlessPodman {
    fn socket(&self, place: &Place) -> PathBuf {
        place.file("podman.sock")
    }

    fn configure(&self, place: &Place) -> Result<()> {
        podman::configure(place)?;
        place.write("subordinates", SUBORDINATES)?;
        place.create_folder("data/tmp")?;
        // `exec` may hold the files of a user namespace's users, which stay theirs.
        let folders = ["", "data", "data/tmp", "home"].map(|folder| place.create_folder(folder));
        for folder in folders.into_iter().chain([place.create_exec()]) {
            let folder = folder?;
            chown(&folder, Some(USER), Some(USER))
                .with_context(|| format!("failed to give `{}` away", folder.display()))?;
        }
        Ok(())
    }

    fn command(&self, place: &Place, prefix: &[&str]) -> Result<Command> {
        let mut command = as_user(place, prefix);
        command
            .args(["podman", "system", "service", "--time=0"])
            .arg(self.address(&self.socket(place)));
        Ok(command)
    }

    fn version(&self, place: &Place) -> Result<String> {
        api_version(&self.socket(place))
    }

    fn client(&self, place: &Place, address: &str) -> Command {
        docker_client(place, address)
    }

    fn content(&self, place: &Place) -> Result<Vec<String>> {
        podman::stored(place)
    }

    fn end_containers(&self, place: &Place) -> Result<()> {
        if !place.data().join("overlay-containers").exists() {
            return Ok(());
        }
        let mut podman = as_user(place, &[]);
        run(podman.args(["podman", "rm", "--all", "--force", "--time=0"]))?;
        // What keeps the user's namespaces alive between commands.
        let pause = place.exec().join("libpod/tmp/pause.pid");
        if let Some(process) = identified(&pause) {
            process.end(Duration::from_secs(5))?;
        }
        Ok(())
    }

    fn needs_reachable_folder(&self) -> bool {
        true
    }
}

/// The process whose id is in `file`.
fn identified(file: &Path) -> Option<Process> {
    let id = std::fs::read_to_string(file).ok()?;
    Process::find(id.trim().parse().ok()?)
}

/// What comes before a program that the user is to run; `prefix` comes after the change of user, which takes back what
/// `setpriv --pdeathsig` has set.
fn as_user(place: &Place, prefix: &[&str]) -> Command {
    let mut command = place.command("unshare");
    command
        .args([
            "--mount",
            "--propagation=slave",
            "--",
            "sh",
            "-c",
            WITH_SUBORDINATES,
            "sh",
        ])
        .arg(place.file("subordinates"))
        .arg("setpriv")
        .arg(format!("--reuid={USER}"))
        .arg(format!("--regid={USER}"))
        .args(["--clear-groups", "--"])
        .args(prefix)
        .envs(podman::own_variables(place))
        .env("HOME", place.file("home"))
        .env("XDG_RUNTIME_DIR", place.exec())
        .env("TMPDIR", place.data().join("tmp"))
        // Below a folder that the user cannot enter, podman could not even ask where it is.
        .current_dir(place.folder());
    command
}
