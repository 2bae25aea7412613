//! The user database of this machine.

use std::fs;
use std::path::PathBuf;

/// A user who is in `/etc/passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) home: PathBuf,
}

impl User {
    /// The one that this process is of.
    pub(crate) fn this() -> Option<Self> {
        let text = fs::read_to_string("/etc/passwd").ok()?;
        Self::find(&text, rustix::process::getuid().as_raw())
    }

    fn find(passwd: &str, number: u32) -> Option<Self> {
        let number = number.to_string();
        passwd.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, uid, _, _, home, ..] = fields[..] else {
                return None;
            };
            (uid == number).then(|| Self {
                name: name.to_owned(),
                home: home.into(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let text =
            "root:x:0:0:root:/root:/bin/sh\nbroken\nalice:x:1000:1000::/home/alice:/bin/sh\n";
        let alice = User::find(text, 1000).map(|user| (user.name, user.home));
        assert_eq!(alice, Some(("alice".to_owned(), "/home/alice".into())));
        assert_eq!(User::find(text, 1001), None);
    }
}
