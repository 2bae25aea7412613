//! Docker's daemon.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::daemon::Daemon;
use super::place::Place;
use super::{api, bridge, content, tls};
use crate::command::output;

/// `dockerd`, with these settings.
#[derive(Debug)]
pub(crate) struct Dockerd {
    /// The content of `daemon.json`.
    pub(crate) settings: &'static str,
}

impl Daemon for Dockerd {
    fn socket(&self, place: &Place) -> PathBuf {
        place.file("docker.sock")
    }

    fn configure(&self, place: &Place) -> Result<()> {
        // The longest name of those below the folder: its containerd would only say that it has not started.
        Place::check_socket(&place.exec().join("containerd/containerd-debug.sock"))?;
        place.remove("docker.pid")?;
        place.write("daemon.json", self.settings).map(drop)
    }

    /// Nothing of the machine's network is touched, but for a bridge where one is wanted, and no process is put outside
    /// the instance's own control group.
    fn command(&self, place: &Place, prefix: &[&str]) -> Result<Command> {
        let flag = |name: &str, path: &Path| {
            let mut flag = OsString::from(name);
            flag.push(path);
            flag
        };
        let mut command = place.prefixed(prefix, "dockerd");
        command
            .arg(flag("--config-file=", &place.file("daemon.json")))
            .arg(flag("--data-root=", &place.data()))
            .arg(flag("--exec-root=", &place.exec()))
            .arg(flag("--pidfile=", &place.file("docker.pid")))
            .arg(format!("--host={}", self.address(&self.socket(place))))
            .args(tls::daemon_flags(place)?)
            .args(bridge::daemon_flags(place))
            .args(["--iptables=false", "--ip6tables=false"])
            .args(["--ip-forward=false", "--ip-masq=false"])
            .arg(format!("--cgroup-parent=/{}", place.control_group()));
        Ok(command)
    }

    fn version(&self, place: &Place) -> Result<String> {
        api_version(&self.socket(place))
    }

    fn client(&self, place: &Place, address: &str) -> Command {
        docker_client(place, address)
    }

    fn content(&self, place: &Place) -> Result<Vec<String>> {
        let address = self.address(&self.socket(place));
        let images = output(
            self.client(place, &address)
                .args(["image", "ls", "--all", "--quiet"]),
        )?;
        let mut found: Vec<_> = images.lines().map(ToOwned::to_owned).collect();
        for folder in [
            "tmp",
            "image/overlay2/layerdb/sha256",
            "containerd/daemon/io.containerd.content.v1.content/blobs/sha256",
            "containerd/daemon/io.containerd.content.v1.content/ingest",
        ] {
            found.extend(content::entries(&place.data().join(folder))?);
        }
        Ok(found)
    }

    fn listens_on_tcp(&self) -> bool {
        true
    }

    fn makes_networks(&self) -> bool {
        true
    }
}

/// The docker client, which talks to podman too.
pub(crate) fn docker_client(place: &Place, address: &str) -> Command {
    let mut command = place.command("docker");
    command.args(["--host", address]);
    command
}

/// The version that an HTTP API behind `socket` tells.
pub(crate) fn api_version(socket: &Path) -> Result<String> {
    let answer = api::get(socket, "/version")?;
    let answer: serde_json::Value =
        serde_json::from_str(&answer).context("`GET /version` did not answer JSON")?;
    Ok(answer["Version"].as_str().unwrap_or_default().to_owned())
}
