//! Who the commands run as.

use std::fs;
use std::io;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Gid, Uid};

use crate::error::Error;
use crate::passwd::{self, Databases};

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";
/// Says whether a process in this user namespace may have other groups.
const SETGROUPS: &str = "/proc/self/setgroups";

/// A user with its groups.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// All of its groups.
    pub(crate) groups: Vec<u32>,
    pub(crate) home: String,
}

impl Account {
    /// The user that a job names.
    pub(crate) fn find(user: &str) -> Result<Self, Error> {
        let databases = Databases {
            passwd: read(PASSWD)?,
            group: read(GROUP)?,
        };
        Ok(passwd::find(user, &databases)?)
    }

    /// Makes the calling thread, and what it starts, this user's. Other threads stay what they are.
    pub(crate) fn assume(&self) -> Result<(), Error> {
        let fail = |source: Errno| Error::Identity {
            uid: self.uid,
            gid: self.gid,
            source,
        };
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        if may_set_groups() {
            let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
            rustix::thread::set_thread_groups(&groups).map_err(fail)?;
        }
        rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(fail)?;
        rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(fail)
    }
}

/// Without ranges in `/etc/subgid` an unprivileged user's container may not.
/// See <https://man7.org/linux/man-pages/man7/user_namespaces.7.html>, "The /proc/pid/setgroups file".
fn may_set_groups() -> bool {
    !fs::read(SETGROUPS).is_ok_and(|text| text.starts_with(b"deny"))
}

/// The file's text; nothing if there is no file.
fn read(path: &str) -> Result<String, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(String::new())
        }
        Err(error) => Err(Error::io("read", Path::new(path))(error)),
    }
}
