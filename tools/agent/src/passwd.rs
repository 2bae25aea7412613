//! Users and groups by name or number, as Docker finds them:
//! <https://github.com/moby/sys/blob/user/v0.4.0/user/user.go>, `GetExecUser`.

use crate::account::Account;

/// The largest number of a user or group.
const MAX_ID: u32 = i32::MAX as u32;
const NO_HOME: &str = "/";

/// Why there is no such user.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no user `{user}` in the container's `/etc/passwd`: name one that it has, or a number")]
    NoUser { user: String },
    #[error("there is no group `{group}` in the container's `/etc/group`: name one that it has, or a number")]
    NoGroup { group: String },
}

/// The texts of the container's files.
#[derive(Debug, Default)]
pub(crate) struct Databases {
    pub(crate) passwd: String,
    pub(crate) group: String,
}

struct User<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

/// The account that `name`, `uid`, `name:group` or `uid:gid` means; empty for root.
pub(crate) fn find(text: &str, databases: &Databases) -> Result<Account, Error> {
    let (user_text, group_text) = text.split_once(':').unwrap_or((text, ""));
    let user = find_user(user_text, &databases.passwd)?;
    let mut gid = user.gid;
    let mut groups = Vec::new();
    if group_text.is_empty() {
        let is_member = |group: &Group| group.members.split(',').any(|name| name == user.name);
        let of_user = self::groups(&databases.group)
            .filter(|group| !user.name.is_empty() && is_member(group));
        groups.extend(of_user.map(|group| group.gid));
    } else {
        gid = find_group(group_text, &databases.group)?;
    }
    // The kernel looks at all of them, programs that ask for the list want the first one in it, too.
    groups.retain(|other| *other != gid);
    groups.insert(0, gid);
    Ok(Account {
        uid: user.uid,
        gid,
        groups,
        home: match user.home {
            "" => NO_HOME,
            home => home,
        }
        .to_owned(),
    })
}

fn find_user<'a>(text: &'a str, passwd: &'a str) -> Result<User<'a>, Error> {
    let number = match text {
        "" => Some(0),
        _ => id(text),
    };
    let found = users(passwd).find(|user| user.name == text || Some(user.uid) == number);
    match (found, number) {
        (Some(user), _) => Ok(user),
        (None, Some(uid)) => Ok(User {
            name: "",
            uid,
            gid: 0,
            home: "",
        }),
        (None, None) => Err(Error::NoUser {
            user: text.to_owned(),
        }),
    }
}

fn find_group(text: &str, group: &str) -> Result<u32, Error> {
    let number = id(text);
    let found = groups(group).find(|group| group.name == text || Some(group.gid) == number);
    found
        .map(|group| group.gid)
        .or(number)
        .ok_or_else(|| Error::NoGroup {
            group: text.to_owned(),
        })
}

/// `name:password:uid:gid:comment:home:shell`; other lines are not looked at.
fn users(passwd: &str) -> impl Iterator<Item = User<'_>> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.trim().split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let uid = id(fields.nth(1)?)?;
        let gid = id(fields.next()?)?;
        let home = fields.nth(1).unwrap_or_default();
        Some(User {
            name,
            uid,
            gid,
            home,
        })
    })
}

/// `name:password:gid:member,member`.
fn groups(group: &str) -> impl Iterator<Item = Group<'_>> {
    group.lines().filter_map(|line| {
        let mut fields = line.trim().split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let gid = id(fields.nth(1)?)?;
        let members = fields.next().unwrap_or_default();
        Some(Group { name, gid, members })
    })
}

fn id(text: &str) -> Option<u32> {
    text.parse().ok().filter(|id| *id <= MAX_ID)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn databases() -> Databases {
        Databases {
            passwd: "root:x:0:0:root:/root:/bin/sh\n\n# comment\napp:x:1000:1001:App:/srv/app:/bin/false\nbare:x:7:8\n".into(),
            group: "root:x:0:\napp:x:1001:\naudio:x:29:app,root\nvideo:x:44:other,app\n".into(),
        }
    }

    #[test]
    fn users_and_groups_are_found_by_name_and_by_number() {
        let cases = [
            ("", 0, 0, vec![0, 29], "/root"),
            ("root", 0, 0, vec![0, 29], "/root"),
            ("app", 1000, 1001, vec![1001, 29, 44], "/srv/app"),
            ("1000", 1000, 1001, vec![1001, 29, 44], "/srv/app"),
            ("app:video", 1000, 44, vec![44], "/srv/app"),
            ("app:123", 1000, 123, vec![123], "/srv/app"),
            ("5:6", 5, 6, vec![6], "/"),
            ("5", 5, 0, vec![0], "/"),
            ("bare", 7, 8, vec![8], "/"),
            (":audio", 0, 29, vec![29], "/root"),
        ];
        for (text, uid, gid, groups, home) in cases {
            let account = Account {
                uid,
                gid,
                groups,
                home: home.to_owned(),
            };
            assert_eq!(find(text, &databases()), Ok(account), "{text}");
        }
    }

    #[test]
    fn a_number_needs_no_files() {
        let account = find("12:34", &Databases::default()).unwrap();
        assert_eq!((account.uid, account.gid), (12, 34));
        assert_eq!(find("", &Databases::default()).unwrap().uid, 0);
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        let user = "nobody".to_owned();
        assert_eq!(find("nobody", &databases()), Err(Error::NoUser { user }));
        let group = "wheel".to_owned();
        assert_eq!(
            find("app:wheel", &databases()),
            Err(Error::NoGroup { group })
        );
        assert!(find("4294967296", &databases()).is_err());
    }
}
