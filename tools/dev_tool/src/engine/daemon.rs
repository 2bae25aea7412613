//! What a kind of daemon is to the commands here: how it is started, asked and pointed at.

use std::ffi::OsString;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::place::Place;

/// A kind of daemon. All that differs from daemon to daemon is told by [`Place`].
pub(crate) trait Daemon: Debug + Sync {
    /// Where it listens.
    fn socket(&self, place: &Place) -> PathBuf;

    /// Writes its configuration.
    fn configure(&self, place: &Place) -> Result<()>;

    /// The command that runs it. `prefix` are words that have to come directly before the daemon's own.
    fn command(&self, place: &Place, prefix: &[&str]) -> Result<Command>;

    /// Its version; an error as long as it does not answer.
    fn version(&self, place: &Place) -> Result<String>;

    /// A client that talks to the engine at `address`.
    fn client(&self, place: &Place, address: &str) -> Command;

    /// What its store holds: images, layers or blobs, and files of uploads that are under way. Empty in a new store.
    fn content(&self, place: &Place) -> Result<Vec<String>>;

    /// The address of `socket` as clients name it.
    fn address(&self, socket: &Path) -> String {
        format!("unix://{}", socket.display())
    }

    /// The variables that point clients, and programs of its own, at the engine at `address`.
    fn variables(&self, place: &Place, address: &str) -> Vec<(&'static str, OsString)> {
        let _ = place;
        vec![("DOCKER_HOST", address.into())]
    }

    /// Ends what outlives the daemon, which has ended.
    fn end_containers(&self, place: &Place) -> Result<()> {
        let _ = place;
        Ok(())
    }

    /// Whether it runs as a user that cannot enter root's folders.
    fn needs_reachable_folder(&self) -> bool {
        false
    }

    /// Whether it speaks Docker's API, or podman's.
    fn speaks_http(&self) -> bool {
        true
    }

    /// Whether it can be given further addresses to listen on (`--host`, `--tlsverify`).
    fn listens_on_tcp(&self) -> bool {
        false
    }

    /// Whether its containers can have networks that leave the machine's filters and translations of addresses alone.
    fn makes_networks(&self) -> bool {
        false
    }
}
