//! What no file of an image may be.

use stevedore_image::archive::Kind;
use stevedore_image::file_system::{printable, Entry, FileSystem};
use stevedore_image::glob::Glob;

use crate::difference::{describe, listing};
use crate::error::Error;
use crate::expected::Policy;

/// Programs that run a text as commands; two of them are many programs, one of which does.
const SHELLS: [&str; 16] = [
    "ash", "bash", "busybox", "csh", "dash", "elvish", "fish", "ksh", "mksh", "nu", "pwsh",
    "rbash", "sh", "tcsh", "toybox", "zsh",
];
/// The folders that programs are in.
const PROGRAMS: [&str; 2] = ["bin", "sbin"];

const SETUID_OR_SETGID: u32 = 0o6000;
const STICKY: u32 = 0o1000;
const WRITABLE_BY_ALL: u32 = 0o002;

/// A policy, and the paths for which it does not hold.
#[derive(Debug)]
pub(crate) struct PolicyCheck {
    policy: Policy,
    exempt: Vec<Glob>,
}

impl PolicyCheck {
    pub(crate) fn new(label: &str, policy: Policy, exempt: &[String]) -> Result<Self, Error> {
        let exempt = exempt.iter();
        let exempt = exempt.map(|pattern| Glob::parse(label, "exempt", pattern));
        Ok(Self {
            policy,
            exempt: exempt.collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn name(&self) -> String {
        match self.policy {
            Policy::NoShell => "no shell",
            Policy::NoSetuid => "no setuid",
            Policy::NoWorldWritable => "no world-writable",
        }
        .to_owned()
    }

    /// What violates it.
    pub(crate) fn compare(&self, files: &FileSystem) -> Vec<String> {
        let mut found = Vec::new();
        files.visit(&mut |path: &[u8], entry: Entry<'_>| {
            let is_exempt = || self.exempt.iter().any(|glob| glob.matches(path));
            if self.policy.is_violated(path, entry) && !is_exempt() {
                found.push(self.policy.describe(path, entry, files.layers()));
            }
        });
        listing(found)
    }
}

impl Policy {
    fn is_violated(self, path: &[u8], entry: Entry<'_>) -> bool {
        let is_file = matches!(entry.kind, Kind::File { .. });
        let is_directory = matches!(entry.kind, Kind::Directory);
        match self {
            Self::NoShell => {
                is_shell(path) && (is_file || matches!(entry.kind, Kind::Symlink { .. }))
            }
            Self::NoSetuid => is_file && entry.mode & SETUID_OR_SETGID != 0,
            Self::NoWorldWritable => {
                let is_shared = is_directory && entry.mode & STICKY != 0;
                let has_mode = is_file || is_directory || matches!(entry.kind, Kind::Fifo);
                has_mode && entry.mode & WRITABLE_BY_ALL != 0 && !is_shared
            }
        }
    }

    fn describe(self, path: &[u8], entry: Entry<'_>, layers: usize) -> String {
        let described = describe(&[b"/", path].concat(), entry, layers);
        match (self, entry.kind) {
            (Self::NoShell, Kind::Symlink { target }) => {
                format!("{described}, to `{}`", printable(target))
            }
            (Self::NoShell, _) => described,
            _ => format!("{described} with the mode `{:04o}`", entry.mode),
        }
    }
}

fn is_shell(path: &[u8]) -> bool {
    let mut parts = path.rsplit(|byte| *byte == b'/');
    let is = |part: Option<&[u8]>, names: &[&str]| {
        part.is_some_and(|part| names.iter().any(|name| name.as_bytes() == part))
    };
    is(parts.next(), &SHELLS) && is(parts.next(), &PROGRAMS)
}
