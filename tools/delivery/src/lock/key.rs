//! What a lock is for: one image and one engine, or a blob that is fetched.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use stevedore_engine::Address;
use stevedore_image::digest::Digest;

/// Stands for one image in one engine, or one blob. Two processes that mean the same have equal keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LockKey {
    digest: Digest,
}

impl LockKey {
    /// The key of the image with this config in the engine at `address`.
    pub(crate) fn new(address: &Address, config: Digest) -> Self {
        Self {
            digest: Digest::of(format!("{}\n{config}", engine(address)).as_bytes()),
        }
    }

    /// The key of a blob that this machine fetches.
    pub(crate) fn of_blob(blob: Digest) -> Self {
        let user = rustix::process::geteuid().as_raw();
        Self {
            digest: Digest::of(format!("blob {user}\n{blob}").as_bytes()),
        }
    }

    /// The name of the lock's file.
    pub(super) fn file_name(&self) -> String {
        format!("stevedore-{}.lock", &self.digest.hex()[..32])
    }
}

/// Whether a file has the name of a lock's file.
pub(super) fn is_file_name(name: &str) -> bool {
    let digits = name
        .strip_prefix("stevedore-")
        .and_then(|rest| rest.strip_suffix(".lock"));
    digits.is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

/// What an engine has of its own.
fn engine(address: &Address) -> String {
    match address {
        Address::Unix(socket) => socket_identity(socket),
        Address::Containerd { socket, namespace } => {
            format!("{} {namespace}", socket_identity(socket))
        }
        // Every user has a store of their own.
        Address::PodmanCommand { .. } => {
            format!("{address} {}", rustix::process::geteuid().as_raw())
        }
        _ => address.to_string(),
    }
}

/// A socket is the same file under whatever path a sandbox mounts it.
fn socket_identity(socket: &Path) -> String {
    match fs::metadata(socket) {
        Ok(socket) => format!("socket {} {}", socket.dev(), socket.ino()),
        Err(_) => socket.display().to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn key(address: &str, config: &str) -> LockKey {
        LockKey::new(&address.parse().unwrap(), Digest::of(config.as_bytes()))
    }

    #[test]
    fn a_socket_is_the_same_under_every_path() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let _one = UnixListener::bind(path("one")).unwrap();
        let _two = UnixListener::bind(path("two")).unwrap();
        symlink(path("one"), path("link")).unwrap();
        assert_eq!(key(&path("one"), "a"), key(&path("link"), "a"));
        assert_ne!(key(&path("one"), "a"), key(&path("two"), "a"));
        assert_ne!(key(&path("one"), "a"), key(&path("one"), "b"));
    }

    #[test]
    fn other_engines_are_told_apart_by_their_address() {
        assert_eq!(key("tcp://h:1", "a"), key("http://h:1/", "a"));
        assert_ne!(key("tcp://h:1", "a"), key("tcp://h:2", "a"));
        assert_eq!(key("/nowhere", "a"), key("unix:///nowhere", "a"));
        let containerd = |namespace| format!("containerd:///nowhere?namespace={namespace}");
        assert_ne!(
            key(&containerd("default"), "a"),
            key(&containerd("moby"), "a")
        );
    }
}
