//! Other ways to get an image into an engine.

use std::path::Path;
use std::process::Command;

use anyhow::{bail, Result};

use super::target::{seconds, Kind, Target};
use crate::command::output;

/// A way, given a file or a folder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Peer {
    /// What everyone types: `docker load`, `podman load`, `ctr images import`.
    Load,
    /// Every blob by `Content.Write` through containerd's own socket, and the image's record, as rules_img does where
    /// it may: nothing is unpacked.
    ContentWrite,
    /// The same, and unpacked, so that a container can start as fast as after a load.
    ContentWriteUnpacked,
    /// One request to the engine's API, by a program that does nothing else.
    Upload,
    /// The request that lets podman read a folder.
    Folder,
}

impl Peer {
    /// Those that take the whole image.
    pub(crate) fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Graphdriver | Kind::Podman | Kind::PodmanWithFolders => &[Self::Load],
            Kind::ContainerdStore | Kind::Containerd => {
                &[Self::Load, Self::ContentWrite, Self::ContentWriteUnpacked]
            }
        }
    }

    /// The fastest that takes what is missing, if somebody has found out what that is.
    pub(crate) fn by_hand(kind: Kind) -> Self {
        match kind {
            Kind::Graphdriver | Kind::ContainerdStore | Kind::Podman => Self::Upload,
            Kind::PodmanWithFolders => Self::Folder,
            Kind::Containerd => Self::Load,
        }
    }

    /// What it is called in a table.
    pub(crate) fn title(self, kind: Kind) -> &'static str {
        match self {
            Self::Load if kind.is_podman() => "podman load",
            Self::Load if kind == Kind::Containerd => "ctr images import",
            Self::Load => "docker load",
            Self::ContentWrite => "Content.Write of every blob",
            Self::ContentWriteUnpacked => "Content.Write of every blob, unpacked",
            Self::Upload => "curl",
            Self::Folder => "libpod's local load",
        }
    }

    /// The command that loads `path` into `target`.
    pub(crate) fn command(self, target: &Target, path: &Path) -> Result<Command> {
        Ok(match self {
            Self::Load => load(target, path)?,
            Self::ContentWrite => content_write(target, &["--no-unpack"], path)?,
            Self::ContentWriteUnpacked => content_write(target, &[], path)?,
            Self::Upload => upload(target, path),
            Self::Folder => folder(target, path),
        })
    }

    /// Seconds that it takes; an error also if the engine says that it failed in an answer that says that it did not.
    pub(crate) fn time(self, target: &Target, path: &Path) -> Result<f64> {
        let mut said = String::new();
        let seconds = seconds(|| {
            said = output(&mut self.command(target, path)?)?;
            Ok(())
        })?;
        if said.contains("\"error") || said.contains("Error ") {
            bail!("the engine did not take `{}`: {said}", path.display());
        }
        Ok(seconds)
    }
}

fn load(target: &Target, path: &Path) -> Result<Command> {
    let mut command = match target.kind() {
        kind if kind.is_podman() => target.program("podman")?,
        _ => target.client(),
    };
    match target.kind() {
        Kind::Containerd => command.args(["images", "import"]),
        _ => command.args(["load", "--quiet", "--input"]),
    };
    command.arg(path);
    Ok(command)
}

/// `ctr` asks containerd's transfer service to do it all, unless it is told `--local`.
fn content_write(target: &Target, flags: &[&str], path: &Path) -> Result<Command> {
    let mut command = match target.kind() {
        Kind::Containerd => target.client(),
        _ => {
            // The daemon's own containerd; Docker keeps its images in this namespace.
            let mut command = target.program("ctr")?;
            command
                .arg("--address")
                .arg(target.containerd_socket())
                .args(["--namespace", "moby"]);
            command
        }
    };
    command
        .args(["images", "import", "--local"])
        .args(flags)
        .arg(path);
    Ok(command)
}

fn upload(target: &Target, path: &Path) -> Command {
    let route = match target.kind().is_podman() {
        true => "v4.0.0/libpod/images/load",
        false => "images/load?quiet=1",
    };
    let mut command = curl(target, route);
    command
        .args([
            "--header",
            "Content-Type: application/x-tar",
            "--upload-file",
        ])
        .arg(path);
    command
}

fn folder(target: &Target, path: &Path) -> Command {
    curl(
        target,
        &format!("v5.0.0/libpod/local/images/load?path={}", path.display()),
    )
}

fn curl(target: &Target, route: &str) -> Command {
    let mut command = Command::new("curl");
    command
        .args([
            "--silent",
            "--show-error",
            "--fail-with-body",
            "--request",
            "POST",
        ])
        // An engine would be waited for before the body is sent.
        .args(["--header", "Expect:"])
        .arg("--unix-socket")
        .arg(target.socket())
        .arg(format!("http://engine/{route}"));
    command
}
