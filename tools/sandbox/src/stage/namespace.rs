//! The namespaces of a stage.

use std::fs;
use std::io;
use std::path::Path;

use nix::mount::{mount, MsFlags};
use nix::sched::{unshare, CloneFlags};
use nix::unistd::{geteuid, setresgid, setresuid, Gid, Uid};
use rustix::fs::Mode;

use super::error::Error;

const UID_MAP: &str = "/proc/self/uid_map";
const ROOT: Uid = Uid::from_raw(0);

/// Who the users of the sandbox are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// Each line of `/proc/self/uid_map` as numbers: the first here, the first outside, and how many.
    map: Vec<[u32; 3]>,
}

/// Enters a user namespace, in which nobody is mapped yet.
pub(super) fn unshare_users() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWUSER).map_err(io::Error::from)
}

/// Becomes root, and enters a mount namespace from which no mount gets out.
pub(super) fn enter() -> Result<Identity, Error> {
    let become_root = || -> nix::Result<()> {
        if !geteuid().is_root() {
            setresgid(Gid::from_raw(0), Gid::from_raw(0), Gid::from_raw(0))?;
            setresuid(ROOT, ROOT, ROOT)?;
        }
        unshare(CloneFlags::CLONE_NEWNS)?;
        let flags = MsFlags::MS_SLAVE | MsFlags::MS_REC;
        mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)
    };
    become_root().map_err(|errno| Error::Namespace(errno.into()))?;
    // Whatever the caller's habits.
    rustix::process::umask(Mode::from_raw_mode(0o022));
    let text = fs::read_to_string(UID_MAP).map_err(Error::io("read", Path::new(UID_MAP)))?;
    Ok(Identity::parse(&text))
}

impl Identity {
    fn parse(text: &str) -> Self {
        let map = text.lines().filter_map(|line| {
            let mut numbers = line.split_whitespace().map(|number| number.parse().ok());
            Some([numbers.next()??, numbers.next()??, numbers.next()??])
        });
        Self { map: map.collect() }
    }

    /// Whether this is the machine's own root.
    pub(super) fn is_machines_root(&self) -> bool {
        matches!(self.map[..], [[0, 0, u32::MAX]])
    }

    /// Whether there is nobody but root.
    pub(super) fn has_one_user(&self) -> bool {
        self.count() == 1
    }

    /// How many users there are, root included.
    pub(super) fn count(&self) -> u64 {
        self.map.iter().map(|[.., count]| u64::from(*count)).sum()
    }

    /// A name for those who see the same owners of the same files.
    pub(super) fn name(&self) -> String {
        if self.is_machines_root() {
            return "root".to_owned();
        }
        let parts = self
            .map
            .iter()
            .map(|[_, outside, count]| format!("{outside}x{count}"));
        parts.collect::<Vec<_>>().join("-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_tells_who_there_is() {
        let root = Identity::parse("         0          0 4294967295\n");
        assert!(root.is_machines_root() && !root.has_one_user());
        let one = Identity::parse("0 1000 1\n");
        assert!(one.has_one_user() && !one.is_machines_root());
        let many = Identity::parse("0 1000 1\n1 100000 65536\n");
        assert_eq!(
            (many.count(), many.name().as_str()),
            (65_537, "1000x1-100000x65536")
        );
    }
}
