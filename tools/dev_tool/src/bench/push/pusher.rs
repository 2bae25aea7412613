//! Programs that push an image.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::command::run;
use crate::engine::Running;

/// One of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pusher {
    /// This project's.
    Own,
    /// `crane push` of an OCI layout.
    Crane,
    /// `skopeo copy` of an OCI layout.
    Skopeo,
    /// `docker push` of an image in Docker's graph driver store, which has the layers uncompressed.
    Docker,
}

/// All of them, this project's first.
pub(crate) const PUSHERS: [Pusher; 4] =
    [Pusher::Own, Pusher::Crane, Pusher::Skopeo, Pusher::Docker];

/// An image in the forms in which they want it.
pub(crate) struct Image {
    /// The executable of its `oci_push`.
    pub(crate) program: PathBuf,
    /// Its OCI layout.
    pub(crate) layout: PathBuf,
    /// Its name in Docker.
    pub(crate) in_docker: &'static str,
}

impl Pusher {
    /// What it is called in a table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Own => "oci_push",
            Self::Crane => "crane push",
            Self::Skopeo => "skopeo copy",
            Self::Docker => "docker push",
        }
    }

    /// The repository that it pushes to, so that none profits from another's push.
    pub(crate) fn repository(self) -> &'static str {
        match self {
            Self::Own => "bench/own",
            Self::Crane => "bench/crane",
            Self::Skopeo => "bench/skopeo",
            Self::Docker => "bench/docker",
        }
    }

    /// The command that pushes `image` into the registry at `address`.
    pub(crate) fn command(self, image: &Image, docker: &Running, address: &str) -> Result<Command> {
        let repository = format!("{address}/{}", self.repository());
        let name = format!("{repository}:latest");
        Ok(match self {
            Self::Own => {
                let mut command = Command::new(&image.program);
                command.arg(format!("--repository={repository}"));
                command
            }
            Self::Crane => {
                let mut command = Command::new("crane");
                command.arg("push").arg(&image.layout).arg(name);
                command
            }
            Self::Skopeo => {
                let mut command = Command::new("skopeo");
                command
                    .args(["copy", "--quiet", "--dest-tls-verify=false"])
                    .arg(format!("oci:{}", image.layout.display()))
                    .arg(format!("docker://{name}"));
                command
            }
            Self::Docker => {
                run(docker
                    .docker_command()
                    .args(["image", "tag", image.in_docker, &name]))?;
                let mut command = docker.docker_command();
                command.args(["image", "push", "--quiet", &name]);
                command
            }
        })
    }
}
