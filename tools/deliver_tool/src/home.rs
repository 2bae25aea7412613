//! The user's home folder, also in a test, where `HOME` is another one.

use std::env;
use std::ffi::OsString;

use nix::unistd::{Uid, User};

/// Gives this process the `HOME` that the user database tells, if it runs in a test: settings and credentials are there, and Bazel
/// gives a test its own temporary folder instead. Returns what the variable was. To be called before anything runs beside this.
pub(crate) fn take() -> Option<OsString> {
    let given = env::var_os("HOME");
    let temporary = env::var_os("TEST_TMPDIR").filter(|folder| !folder.is_empty());
    if temporary.is_some() && (given.is_none() || given == temporary) {
        if let Ok(Some(user)) = User::from_uid(Uid::current()) {
            env::set_var("HOME", user.dir);
        }
    }
    given
}
