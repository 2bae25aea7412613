//! Owners: numbers, or names that the image's passwd and group files tell the numbers of.

use crate::error::Error;

/// An owner as it is written: `USER` or `USER:GROUP`, each a name or a number.
#[derive(Clone, Debug)]
pub struct Owner {
    user: Id,
    group: Option<Id>,
}

#[derive(Clone, Debug)]
enum Id {
    Number(u64),
    Name(String),
}

/// The numbers of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// That of the user.
    pub uid: u64,
    /// That of the group.
    pub gid: u64,
}

impl Owner {
    /// Parses an owner.
    ///
    /// # Errors
    /// If it is not of that form.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = || Error::InvalidOwner {
            found: text.to_owned(),
        };
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        Ok(Self {
            user: Id::parse(user).ok_or_else(invalid)?,
            group: group
                .map(|group| Id::parse(group).ok_or_else(invalid))
                .transpose()?,
        })
    }

    /// Whether a file is needed to know the numbers.
    pub fn has_name(&self) -> bool {
        [Some(&self.user), self.group.as_ref()]
            .into_iter()
            .flatten()
            .any(|id| matches!(id, Id::Name(name) if name != ROOT))
    }

    /// The numbers. A user without a group has the group that passwd tells; a number without one has the group of the
    /// same number, as `COPY --chown` of a Dockerfile has it.
    ///
    /// # Errors
    /// If a name is not known.
    pub fn resolve(&self, accounts: &Accounts) -> Result<Ids, Error> {
        let (uid, own_group) = match &self.user {
            Id::Number(uid) => (*uid, *uid),
            Id::Name(name) if name == ROOT => (0, 0),
            Id::Name(name) => accounts
                .user(name)
                .ok_or_else(|| accounts.unknown("user", name, "passwd", &accounts.passwd_files))?,
        };
        let gid = match &self.group {
            None => own_group,
            Some(Id::Number(gid)) => *gid,
            Some(Id::Name(name)) if name == ROOT => 0,
            Some(Id::Name(name)) => accounts
                .group(name)
                .ok_or_else(|| accounts.unknown("group", name, "group", &accounts.group_files))?,
        };
        Ok(Ids { uid, gid })
    }
}

const ROOT: &str = "root";

impl Id {
    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.contains([':', '/']) || text.contains(char::is_whitespace) {
            return None;
        }
        match text.bytes().all(|byte| byte.is_ascii_digit()) {
            // The kernel's IDs have 32 bits.
            true => text
                .parse::<u32>()
                .ok()
                .map(|number| Self::Number(number.into())),
            false => Some(Self::Name(text.to_owned())),
        }
    }
}

/// What has passwd and group files.
#[derive(Clone, Copy, Debug, Default)]
enum Holder {
    #[default]
    Layer,
    Image,
}

/// What passwd and group files tell.
#[derive(Debug, Default)]
pub struct Accounts {
    label: String,
    /// What it is that should know the names.
    holder: Holder,
    passwd_files: Vec<String>,
    group_files: Vec<String>,
    users: Vec<(String, u64, u64)>,
    groups: Vec<(String, u64)>,
}

impl Accounts {
    /// Accounts for the files of a layer, the target `label`.
    pub fn of_layer(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            ..Self::default()
        }
    }

    /// Accounts of an image, whose owners the target `label` names.
    pub fn of_image(label: &str) -> Self {
        Self {
            holder: Holder::Image,
            ..Self::of_layer(label)
        }
    }

    /// Takes a passwd file, called `name` in messages. What was taken before has precedence.
    pub fn take_passwd(&mut self, name: String, text: &[u8]) {
        self.passwd_files.push(name);
        for fields in lines(text) {
            if let [user, _, uid, gid, ..] = fields[..] {
                if let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse()) {
                    self.users.push((user.to_owned(), uid, gid));
                }
            }
        }
    }

    /// Takes a group file, called `name` in messages. What was taken before has precedence.
    pub fn take_group(&mut self, name: String, text: &[u8]) {
        self.group_files.push(name);
        for fields in lines(text) {
            if let [group, _, gid, ..] = fields[..] {
                if let Ok(gid) = gid.parse() {
                    self.groups.push((group.to_owned(), gid));
                }
            }
        }
    }

    fn user(&self, name: &str) -> Option<(u64, u64)> {
        self.users
            .iter()
            .find(|(user, ..)| user == name)
            .map(|(_, uid, gid)| (*uid, *gid))
    }

    fn group(&self, name: &str) -> Option<u64> {
        self.groups
            .iter()
            .find(|(group, _)| group == name)
            .map(|(_, gid)| *gid)
    }

    /// Only the files that such names are looked up in were `searched`.
    fn unknown(
        &self,
        kind: &'static str,
        name: &str,
        file: &'static str,
        searched: &[String],
    ) -> Error {
        let holder = match self.holder {
            Holder::Layer => "layer",
            Holder::Image => "image",
        };
        let searched = match searched {
            [] => format!("the {holder}, which has no `/etc/{file}`"),
            _ => searched.join(" or "),
        };
        Error::UnknownOwner {
            label: self.label.clone(),
            kind,
            name: name.to_owned(),
            holder,
            file,
            searched,
        }
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = Vec<&str>> {
    text.split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok())
        .map(|line| line.trim_end_matches('\r').split(':').collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        let mut accounts = Accounts::of_layer("//a:layer");
        accounts.take_passwd(
            "`/etc/passwd`".to_owned(),
            b"# no account\nroot:x:0:0::/root:/bin/sh\napp:x:1000:1001:App:/:/bin/sh\nbad:x:one:1\n",
        );
        accounts.take_group("`/etc/group`".to_owned(), b"app:x:1002:\nstaff:x:50:app\n");
        accounts
    }

    #[test]
    fn owners_are_numbers_or_known_names() {
        let cases = [
            ("0:0", 0, 0),
            ("root", 0, 0),
            ("root:root", 0, 0),
            ("7", 7, 7),
            ("7:8", 7, 8),
            ("app", 1000, 1001),
            ("app:app", 1000, 1002),
            ("app:staff", 1000, 50),
            ("5:staff", 5, 50),
        ];
        for (text, uid, gid) in cases {
            let ids = Owner::parse(text).unwrap().resolve(&accounts()).unwrap();
            assert_eq!(ids, Ids { uid, gid }, "{text}");
        }
    }

    #[test]
    fn unknown_names_tell_where_was_searched() {
        let mut several = accounts();
        several.take_passwd("`more`".to_owned(), b"");
        let image = Accounts::of_image("//a:test");
        for (accounts, text, message) in [
            (
                accounts(),
                "bad",
                "the user `bad` of `//a:layer` is not in `/etc/passwd`: write its number, or add it to the layer's \
                 `/etc/passwd`",
            ),
            (
                several,
                "nobody",
                "the user `nobody` of `//a:layer` is not in `/etc/passwd` or `more`: write its number, or add it to the \
                 layer's `/etc/passwd`",
            ),
            (
                accounts(),
                "app:nobody",
                "the group `nobody` of `//a:layer` is not in `/etc/group`: write its number, or add it to the layer's \
                 `/etc/group`",
            ),
            (
                image,
                "5:web",
                "the group `web` of `//a:test` is not in the image, which has no `/etc/group`: write its number, or add it \
                 to the image's `/etc/group`",
            ),
        ] {
            let unknown = Owner::parse(text).unwrap().resolve(&accounts).unwrap_err();
            assert_eq!(unknown.to_string(), message);
        }
    }

    #[test]
    fn malformed_owners_are_refused() {
        for text in ["", ":", "a:", ":b", "a:b:c", "a b", "99999999999"] {
            assert!(Owner::parse(text).is_err(), "{text}");
        }
    }
}
