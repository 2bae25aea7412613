//! The bundle: what an OCI runtime reads of a container.
//!
//! What Docker gives a container, this one has: the same capabilities, mounts, and masked paths. See
//! <https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config.md> and
//! <https://github.com/moby/moby/blob/v28.5.2/oci/defaults.go>.

use std::fs;
use std::path::Path;

use serde_json::{json, Value};

use super::control_groups;
use super::error::Error;
use super::mounts::{Mounting, AGENT, HOST_NAME};
use super::namespace::Identity;
use super::run_folder::RunFolder;
use crate::request::{Network, Request};

const CAPABILITIES: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];
const MASKED: [&str; 9] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/scsi",
    "/sys/firmware",
];
const READ_ONLY: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];
/// The group that owns terminals; a namespace with one user has no such group.
const TERMINALS: u64 = 5;
/// What limits of processors' time refer to, in microseconds.
const PERIOD: u64 = 100_000;

/// A container that is to be.
pub(super) struct Bundle<'a> {
    pub(super) request: &'a Request,
    pub(super) identity: &'a Identity,
    pub(super) mounts: &'a [Mounting],
    /// The root file system.
    pub(super) root: &'a Path,
    pub(super) name: &'a str,
}

impl Bundle<'_> {
    /// Writes the runtime's file.
    pub(super) fn write(&self, folder: &RunFolder) -> Result<(), Error> {
        let path = folder.path("config.json");
        let text = serde_json::to_vec(&self.config()).map_err(Error::Request)?;
        fs::write(&path, text).map_err(Error::io("write", &path))
    }

    /// Whether control groups are needed, which those who are not root mostly cannot have.
    pub(super) fn has_control_group(&self) -> bool {
        self.request.memory.is_some() || self.request.cpus.is_some()
    }

    fn config(&self) -> Value {
        json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": 0, "gid": 0},
                "args": [AGENT],
                "env": [],
                "cwd": "/",
                "capabilities": {
                    "bounding": CAPABILITIES,
                    "effective": CAPABILITIES,
                    "permitted": CAPABILITIES,
                },
            },
            "root": {"path": self.root},
            "hostname": HOST_NAME,
            "mounts": self.mounts(),
            "linux": self.linux(),
        })
    }

    fn mounts(&self) -> Vec<Value> {
        let mut terminals = vec![
            "nosuid",
            "noexec",
            "newinstance",
            "ptmxmode=0666",
            "mode=0620",
        ];
        if self.identity.count() > TERMINALS {
            terminals.push("gid=5");
        }
        let safe = ["nosuid", "noexec", "nodev"];
        let mount = |target, kind, options: &[&str]| json!({"destination": target, "type": kind, "source": kind, "options": options});
        let mut mounts = vec![
            mount("/proc", "proc", &safe),
            mount(
                "/dev",
                "tmpfs",
                &["nosuid", "strictatime", "mode=755", "size=65536k"],
            ),
            mount("/dev/pts", "devpts", &terminals),
            mount(
                "/dev/shm",
                "tmpfs",
                &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
            ),
            mount("/dev/mqueue", "mqueue", &safe),
            self.sys(),
        ];
        mounts.extend(self.mounts.iter().map(described));
        mounts
    }

    /// The kernel lets only those mount `/sys` anew who own the network that it tells about.
    fn sys(&self) -> Value {
        let is_bound = self.request.network == Network::Host && !self.identity.is_machines_root();
        match is_bound {
            true => json!({"destination": "/sys", "type": "bind", "source": "/sys",
                "options": ["rbind", "nosuid", "noexec", "nodev", "ro"]}),
            false => json!({"destination": "/sys", "type": "sysfs", "source": "sysfs",
                "options": ["nosuid", "noexec", "nodev", "ro"]}),
        }
    }

    fn linux(&self) -> Value {
        let mut namespaces = vec!["pid", "ipc", "uts", "mount"];
        if self.request.network == Network::None {
            namespaces.push("network");
        }
        let namespaces: Vec<Value> = namespaces
            .iter()
            .map(|kind| json!({"type": kind}))
            .collect();
        let mut linux = json!({
            "namespaces": namespaces,
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
        });
        let is_root = self.identity.is_machines_root();
        if is_root || self.has_control_group() {
            linux["cgroupsPath"] = control_groups::path_for(self.name, is_root).into();
            linux["resources"] = self.resources();
        }
        linux
    }

    fn resources(&self) -> Value {
        let mut resources = json!({});
        if self.identity.is_machines_root() {
            // Devices can be made, and none but the usual ones used.
            resources["devices"] = json!([
                {"allow": false, "access": "rwm"},
                {"allow": true, "type": "c", "access": "m"},
                {"allow": true, "type": "b", "access": "m"},
            ]);
        }
        if let Some(memory) = self.request.memory {
            resources["memory"] = json!({"limit": memory});
        }
        if let Some(cpus) = self.request.cpus {
            let quota = (cpus * PERIOD as f64).round() as u64;
            resources["cpu"] = json!({"quota": quota, "period": PERIOD});
        }
        resources
    }
}

fn described(mounting: &Mounting) -> Value {
    match mounting {
        Mounting::Bind {
            source,
            target,
            is_read_only,
        } => {
            let mut options = vec!["rbind"];
            if *is_read_only {
                options.push("ro");
            }
            json!({"destination": target, "type": "bind", "source": source, "options": options})
        }
        Mounting::Tmpfs { target, size } => {
            let mut options = vec![
                "nosuid".to_owned(),
                "nodev".to_owned(),
                "mode=1777".to_owned(),
            ];
            options.extend(size.map(|size| format!("size={size}")));
            json!({"destination": target, "type": "tmpfs", "source": "tmpfs", "options": options})
        }
    }
}
