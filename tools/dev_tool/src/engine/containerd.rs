//! containerd alone, as in a node of a cluster.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Result};

use super::content;
use super::daemon::Daemon;
use super::place::Place;
use crate::command::output;

/// The namespace that [`Daemon::client`] looks at, and `ctr` by itself too.
pub(crate) const NAMESPACE: &str = "default";

/// `containerd`, with the plugin for Kubernetes on.
#[derive(Debug)]
pub(crate) struct Containerd;

impl Daemon for Containerd {
    /// Below `exec`, so that a shim, whose arguments name the socket, can be told by that folder.
    fn socket(&self, place: &Place) -> PathBuf {
        place.exec().join("containerd.sock")
    }

    fn configure(&self, place: &Place) -> Result<()> {
        let quoted = |path: PathBuf| serde_json::Value::from(path.to_string_lossy()).to_string();
        let settings = format!(
            "version = 3\nroot = {}\nstate = {}\n[grpc]\naddress = {}\n\
             [plugins.'io.containerd.internal.v1.opt']\npath = {}\n",
            quoted(place.data()),
            quoted(place.exec()),
            quoted(self.socket(place)),
            quoted(place.file("opt")),
        );
        place.write("config.toml", &settings).map(drop)
    }

    fn command(&self, place: &Place, prefix: &[&str]) -> Result<Command> {
        let mut command = place.prefixed(prefix, "containerd");
        command.arg("--config").arg(place.file("config.toml"));
        Ok(command)
    }

    fn version(&self, place: &Place) -> Result<String> {
        let socket = self.socket(place);
        if !socket.exists() {
            bail!("`{}` is not there", socket.display());
        }
        let mut client = self.client(place, &self.address(&socket));
        let said = output(client.args(["version"]))?;
        let server = said.split("Server:").nth(1).unwrap_or_default();
        let version = server
            .lines()
            .find_map(|line| line.trim().strip_prefix("Version:"))
            .unwrap_or_default();
        Ok(version.trim().to_owned())
    }

    fn client(&self, place: &Place, address: &str) -> Command {
        let path = address.strip_prefix("containerd://").unwrap_or(address);
        let (socket, namespace) = match path.split_once("?namespace=") {
            Some((socket, namespace)) => (socket, namespace),
            None => (path, NAMESPACE),
        };
        let mut command = place.command("ctr");
        command.args(["--address", socket, "--namespace", namespace]);
        command
    }

    fn content(&self, place: &Place) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for folder in [
            "io.containerd.content.v1.content/blobs/sha256",
            "io.containerd.content.v1.content/ingest",
            "io.containerd.snapshotter.v1.overlayfs/snapshots",
            "tmpmounts",
        ] {
            found.extend(content::entries(&place.data().join(folder))?);
        }
        let address = self.address(&self.socket(place));
        for list in [
            &["images", "ls", "--quiet"][..],
            &["leases", "ls", "--quiet"],
        ] {
            let listed = output(self.client(place, &address).args(list))?;
            found.extend(listed.lines().map(ToOwned::to_owned));
        }
        Ok(found)
    }

    fn address(&self, socket: &Path) -> String {
        format!("containerd://{}?namespace={NAMESPACE}", socket.display())
    }

    fn variables(&self, place: &Place, address: &str) -> Vec<(&'static str, OsString)> {
        // The second is for `ctr`, and is what its own address would be.
        vec![
            ("STEVEDORE_HOST", address.into()),
            ("CONTAINERD_ADDRESS", self.socket(place).into()),
        ]
    }

    fn speaks_http(&self) -> bool {
        false
    }
}
