//! The container engines that development uses: real daemons, each in a folder of its own.

pub(crate) mod api;
mod bridge;
mod containerd;
mod content;
mod control_group;
mod daemon;
mod debian;
mod docker;
pub(crate) mod instance;
mod mounts;
mod name;
mod place;
mod podman;
mod process;
mod rootless;
mod running;
mod server;
mod ssh;
mod tls;

use daemon::Daemon;

pub(crate) use debian::{search_paths, Packages};
pub(crate) use mounts::unmount_below;
pub(crate) use name::{EngineName, Variant};
pub(crate) use running::Running;
pub(crate) use tls::free_port;

/// A kind of engine: a row of [`ENGINES`].
#[derive(Debug)]
pub(crate) struct Engine {
    /// The name by which commands call it.
    pub(crate) name: &'static str,
    /// What it is, for `dev/engine list`.
    pub(crate) about: &'static str,
    /// Where its programs come from.
    programs: Programs,
    /// What its daemon's version must begin with: a suite that has moved on is an error, not another engine under the old name.
    version: &'static str,
    /// How it is run.
    daemon: &'static dyn Daemon,
}

/// Where an engine's programs come from.
#[derive(Debug)]
enum Programs {
    /// They are installed in the root that `dev/` runs in.
    Root,
    /// Debian packages, unpacked into a folder of the cache.
    Packages(debian::Packages),
}

/// Every engine there is.
pub(crate) static ENGINES: &[Engine] = &[
    Engine {
        name: "docker-20",
        about: "Docker 20.10 from Debian 12, graphdriver overlay2",
        programs: Programs::Packages(debian::Packages {
            suite: "bookworm",
            names: &[
                "containerd",
                "docker.io",
                "libdevmapper1.02.1",
                "libseccomp2",
                "runc",
                "tini",
            ],
        }),
        version: "20.10.",
        daemon: &docker::Dockerd {
            settings: r#"{"storage-driver": "overlay2"}"#,
        },
    },
    Engine {
        name: "docker-28",
        about: "Docker 28.5, graphdriver overlay2",
        programs: Programs::Root,
        version: "28.",
        daemon: &docker::Dockerd {
            settings: r#"{"storage-driver": "overlay2", "features": {"containerd-snapshotter": false}}"#,
        },
    },
    Engine {
        name: "docker-28-containerd",
        about: "Docker 28.5, containerd image store",
        programs: Programs::Root,
        version: "28.",
        daemon: &docker::Dockerd {
            settings: r#"{"features": {"containerd-snapshotter": true}}"#,
        },
    },
    Engine {
        name: "podman-4",
        about: "podman 4.3 from Debian 12, as root",
        programs: Programs::Packages(debian::Packages {
            suite: "bookworm",
            names: &[
                "conmon",
                "libassuan0",
                "libdevmapper1.02.1",
                "libgpgme11",
                "libseccomp2",
                "libsubid4",
                "podman",
                "runc",
            ],
        }),
        version: "4.3.",
        daemon: &podman::Podman,
    },
    Engine {
        name: "podman-5",
        about: "podman 5.8, as root",
        programs: Programs::Root,
        version: "5.",
        daemon: &podman::Podman,
    },
    Engine {
        name: "podman-5-rootless",
        about: "podman 5.8, as a user without rights",
        programs: Programs::Root,
        version: "5.",
        daemon: &rootless::RootlessPodman,
    },
    Engine {
        name: "containerd",
        about: "containerd 2, without Docker",
        programs: Programs::Root,
        version: "2.",
        daemon: &containerd::Containerd,
    },
];
