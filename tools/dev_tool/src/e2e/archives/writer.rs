//! Those who write archives of images.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::Source;
use crate::command::run;
use crate::e2e::client::client;
use crate::engine::Running;
use crate::workspace::Workspace;

/// The names that the images have in an archive of several: `e2e/cases` chooses the first.
const SEVERAL: [&str; 2] = ["localhost/cases/one:latest", "localhost/cases/two:latest"];

/// Somebody who writes archives of an image.
pub(super) struct Writer {
    /// An engine, or another program.
    pub(super) name: &'static str,
    /// The archives' names, and their formats.
    pub(super) archives: &'static [(&'static str, &'static str)],
    /// The name of an archive that has another image, too.
    several: Option<&'static str>,
}

/// All of them.
pub(super) const WRITERS: &[Writer] = &[
    Writer {
        name: "docker-20",
        archives: &[("docker-20", "docker-archive")],
        several: None,
    },
    Writer {
        name: "docker-28",
        archives: &[("docker-28", "docker-archive")],
        several: Some("several-docker-28"),
    },
    Writer {
        name: "docker-28-containerd",
        archives: &[("docker-28-containerd", "docker-archive")],
        several: None,
    },
    Writer {
        name: "podman-4",
        archives: &[
            ("podman-4", "docker-archive"),
            ("podman-4-oci", "oci-archive"),
        ],
        several: None,
    },
    Writer {
        name: "podman-5",
        archives: &[
            ("podman-5", "docker-archive"),
            ("podman-5-oci", "oci-archive"),
        ],
        several: Some("several-podman-5"),
    },
    Writer {
        name: "crane",
        archives: &[("crane", "tarball")],
        several: None,
    },
    Writer {
        name: "skopeo",
        archives: &[("skopeo", "docker-archive"), ("skopeo-oci", "oci-archive")],
        several: None,
    },
];

impl Writer {
    /// Writes all its archives into a folder.
    pub(super) fn write(
        &self,
        workspace: &Workspace,
        source: &Source,
        folder: &Path,
    ) -> Result<()> {
        let file = |name: &str| folder.join(format!("{name}.tar"));
        match self.name {
            "crane" => self.each(file, |format, file| {
                let format = format!("--format={format}");
                run(Command::new("crane")
                    .args(["pull", "--insecure", &format, &source.name()])
                    .arg(file))
            }),
            "skopeo" => self.each(file, |format, file| {
                run(Command::new("skopeo")
                    .args(["copy", "--quiet", "--src-tls-verify=false"])
                    .arg(format!("docker://{}", source.name()))
                    .arg(format!("{format}:{}:{}", file.display(), SEVERAL[0])))
            }),
            engine => self.save(workspace, engine, source, file),
        }
    }

    fn each(
        &self,
        file: impl Fn(&str) -> PathBuf,
        write: impl Fn(&str, &Path) -> Result<()>,
    ) -> Result<()> {
        self.archives
            .iter()
            .try_for_each(|(name, format)| write(format, &file(name)))
    }

    /// Lets an engine pull the images and save them.
    fn save(
        &self,
        workspace: &Workspace,
        engine: &str,
        source: &Source,
        file: impl Fn(&str) -> PathBuf,
    ) -> Result<()> {
        let running = Running::start(workspace, engine, "e2e")?;
        let client = client(engine);
        for (name, tag) in [source.name(), source.other_name()].iter().zip(SEVERAL) {
            client.pull(&running, name)?;
            client.tag(&running, name, tag)?;
        }
        self.each(&file, |format, file| {
            client.save_as(&running, format, &SEVERAL[..1], file)
        })?;
        match self.several {
            Some(name) => client.save_as(&running, "docker-archive", &SEVERAL, &file(name)),
            None => Ok(()),
        }
    }
}
