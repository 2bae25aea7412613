//! What container is to be made.

use std::collections::BTreeMap;

use serde::Serialize;
use stevedore_image::digest::Digest;
use stevedore_image::platform::Platform;

/// What container to make.
#[derive(Clone, Debug)]
pub struct ContainerRequest {
    /// The ID of its image.
    pub image: Digest,
    /// What replaces the image's `Entrypoint`, and clears its `Cmd`; nothing is replaced if it is empty.
    pub entrypoint: Vec<String>,
    /// What replaces the image's `Cmd`; nothing is replaced if it is empty.
    pub arguments: Vec<String>,
    /// Whether it gets a terminal for its standard streams.
    pub terminal: bool,
    /// The name of the network that it joins, such as `host` or `none`; the engine's default if `None`.
    pub network: Option<String>,
    /// Its name; the engine finds one if `None`.
    pub name: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What it is beyond what its image says; `None` for a container of the image as it is.
    pub workplace: Option<Workplace>,
}

/// What a container has that is a place to run commands of ours, rather than the image's own program: it runs as root, in the
/// root directory, without a health check, and its output is in no log.
#[derive(Clone, Debug, Default)]
pub struct Workplace {
    /// Its host name.
    pub hostname: String,
    /// The platform of its image, where that is not the engine's own.
    pub platform: Option<Platform>,
    /// Its volumes.
    pub volumes: Vec<VolumeMount>,
    /// Directories in memory: their paths, and the options that they are mounted with, such as `size=64m`.
    pub tmpfs: BTreeMap<String, String>,
    /// The most memory that it may use, in bytes.
    pub memory: Option<u64>,
    /// The most processors that it may use, in billionths of one.
    pub nano_cpus: Option<u64>,
    /// Capabilities beyond the engine's default, such as `MKNOD`.
    pub capabilities: Vec<String>,
}

/// A volume in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VolumeMount {
    /// The volume's name. It is made if there is none of that name.
    #[serde(rename = "Source")]
    pub name: String,
    /// Where it is in the container, an absolute path.
    pub target: String,
    /// Whether it cannot be written.
    pub read_only: bool,
    #[serde(rename = "VolumeOptions")]
    options: VolumeOptions,
    #[serde(rename = "Type")]
    kind: MountKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeOptions {
    /// Whether the image's files below the volume's place stay out of it.
    no_copy: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum MountKind {
    Volume,
}

impl VolumeMount {
    /// The volume `name` at `target`; if it is made, it is empty.
    pub fn new(name: String, target: String, read_only: bool) -> Self {
        Self {
            name,
            target,
            read_only,
            options: VolumeOptions { no_copy: true },
            kind: MountKind::Volume,
        }
    }
}

impl ContainerRequest {
    /// A container of `image` as it is.
    pub fn new(image: Digest) -> Self {
        Self {
            image,
            entrypoint: Vec::new(),
            arguments: Vec::new(),
            terminal: false,
            network: None,
            name: None,
            labels: BTreeMap::new(),
            workplace: None,
        }
    }

    /// The query of the request that makes it: with a `?`, or empty.
    pub(crate) fn query(&self) -> String {
        let name = self.name.iter().map(|name| format!("name={name}"));
        let platform = self.workplace.iter();
        let platform = platform.filter_map(|workplace| workplace.platform.as_ref());
        let platform = platform.map(|platform| format!("platform={platform}"));
        let query: Vec<_> = name.chain(platform).collect();
        match query.is_empty() {
            true => String::new(),
            false => format!("?{}", query.join("&")),
        }
    }

    /// The body of `POST /containers/create`.
    pub(crate) fn body(&self) -> CreateBody<'_> {
        let is_ours = self.workplace.is_some();
        CreateBody {
            image: self.image.to_string(),
            entrypoint: &self.entrypoint,
            cmd: &self.arguments,
            labels: &self.labels,
            tty: self.terminal,
            open_stdin: true,
            stdin_once: true,
            attach_stdin: true,
            attach_stdout: true,
            attach_stderr: true,
            user: is_ours.then_some("0:0"),
            working_dir: is_ours.then_some("/"),
            hostname: self.hostname(),
            healthcheck: is_ours.then_some(HealthCheck { test: ["NONE"] }),
            host_config: HostConfig {
                auto_remove: true,
                network_mode: self.network.as_deref(),
                log_config: is_ours.then_some(LogConfig { kind: "none" }),
                workplace: self.workplace.as_ref().map(Resources::of),
            },
        }
    }

    /// One that shares the machine's network has the machine's name.
    fn hostname(&self) -> Option<&str> {
        let hostname = self.workplace.as_ref().map(|place| place.hostname.as_str());
        hostname.filter(|_| self.network.as_deref() != Some("host"))
    }
}

/// The body of `POST /containers/create`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateBody<'a> {
    image: String,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    entrypoint: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    cmd: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, String>,
    tty: bool,
    open_stdin: bool,
    stdin_once: bool,
    attach_stdin: bool,
    attach_stdout: bool,
    attach_stderr: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_dir: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthcheck: Option<HealthCheck>,
    host_config: HostConfig<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HealthCheck {
    test: [&'static str; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig<'a> {
    auto_remove: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_mode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_config: Option<LogConfig>,
    #[serde(flatten)]
    workplace: Option<Resources<'a>>,
}

#[derive(Serialize)]
struct LogConfig {
    #[serde(rename = "Type")]
    kind: &'static str,
}

/// What a workplace says in the host's config.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Resources<'a> {
    mounts: &'a [VolumeMount],
    tmpfs: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<u64>,
    /// Memory and swap together: the same, so that there is no swap.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_swap: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nano_cpus: Option<u64>,
    cap_add: &'a [String],
}

impl<'a> Resources<'a> {
    fn of(workplace: &'a Workplace) -> Self {
        Self {
            mounts: &workplace.volumes,
            tmpfs: &workplace.tmpfs,
            memory: workplace.memory,
            memory_swap: workplace.memory,
            nano_cpus: workplace.nano_cpus,
            cap_add: &workplace.capabilities,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_of_the_image_as_it_is_says_nothing_more() -> serde_json::Result<()> {
        let request = ContainerRequest::new(Digest::of(b"image"));
        let body = serde_json::to_value(request.body())?;
        let mut keys: Vec<_> = body.as_object().into_iter().flatten().collect();
        keys.retain(|(key, _)| !key.starts_with("Attach") && !key.contains("Stdin"));
        let keys: Vec<_> = keys.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["Image", "Tty", "HostConfig"]);
        assert_eq!(
            body["HostConfig"],
            serde_json::json!({"AutoRemove": true}),
            "{body}"
        );
        assert_eq!(request.query(), "");
        Ok(())
    }

    #[test]
    fn a_workplace_is_root_in_its_root_and_leaves_no_log() -> serde_json::Result<()> {
        let mut request = ContainerRequest::new(Digest::of(b"image"));
        let cache = VolumeMount::new("c".into(), "/c".into(), true);
        request.name = Some("x".into());
        request.workplace = Some(Workplace {
            hostname: "h".into(),
            platform: "linux/arm64".parse().ok(),
            volumes: vec![cache],
            memory: Some(5),
            ..Workplace::default()
        });
        let body = serde_json::to_value(request.body())?;
        assert_eq!(request.query(), "?name=x&platform=linux/arm64");
        assert_eq!(
            (&body["User"], &body["WorkingDir"], &body["Hostname"]),
            (&"0:0".into(), &"/".into(), &"h".into())
        );
        assert_eq!(
            body["HostConfig"],
            serde_json::json!({
                "AutoRemove": true, "LogConfig": {"Type": "none"}, "Memory": 5, "MemorySwap": 5, "Tmpfs": {}, "CapAdd": [],
                "Mounts": [{"Type": "volume", "Source": "c", "Target": "/c", "ReadOnly": true,
                            "VolumeOptions": {"NoCopy": true}}],
            })
        );
        Ok(())
    }
}
