//! Which users of this machine are those of a user namespace.

use std::fs;
use std::io;

use tokio::process::Command;

use crate::error::Error;
use crate::user::User;

/// Maps the users and groups of a process's new user namespace: as many as this user was given in `/etc/subuid` and
/// `/etc/subgid`, or else root alone, who is this user then.
pub(super) async fn map_users(process: u32) -> Result<(), Error> {
    let user = rustix::process::getuid().as_raw();
    let group = rustix::process::getgid().as_raw();
    let name = User::this().map(|user| user.name);
    let range = |file| {
        let text = fs::read_to_string(file).unwrap_or_default();
        subordinate(&text, user, name.as_deref())
    };
    if let (Some(users), Some(groups)) = (range("/etc/subuid"), range("/etc/subgid")) {
        match run("newuidmap", process, user, users).await {
            Ok(()) => return run("newgidmap", process, group, groups).await,
            // Nothing is mapped yet, so root alone may be.
            Err(error) => eprintln!("warning: {error}: only root is a user in the sandbox"),
        }
    }
    write(process, "setgroups", "deny")?;
    write(process, "uid_map", &format!("0 {user} 1"))?;
    write(process, "gid_map", &format!("0 {group} 1"))
}

/// Numbers that a user may map: the first, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u32,
    count: u32,
}

/// Calls a program that may map what an unprivileged process may not: `id` as root, and the range as 1 and so on.
async fn run(program: &str, process: u32, id: u32, range: Range) -> Result<(), Error> {
    let numbers = [0, id, 1, 1, range.first, range.count];
    let output = Command::new(program)
        .arg(process.to_string())
        .args(numbers.map(|number| number.to_string()))
        .output()
        .await;
    let reason = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Error::Mapping {
        by: format!("`{program}`"),
        reason,
    })
}

fn write(process: u32, file: &str, text: &str) -> Result<(), Error> {
    let path = format!("/proc/{process}/{file}");
    fs::write(&path, text).map_err(|error: io::Error| Error::Mapping {
        by: format!("`{path}`"),
        reason: error.to_string(),
    })
}

/// The largest range that a file such as `/etc/subuid` has for a user.
fn subordinate(text: &str, user: u32, name: Option<&str>) -> Option<Range> {
    let number = user.to_string();
    let ranges = text.lines().filter_map(|line| {
        let fields: Vec<&str> = line.trim().split(':').collect();
        let [owner, first, count] = fields[..] else {
            return None;
        };
        let is_theirs = owner == number || Some(owner) == name;
        let (first, count) = (first.parse().ok()?, count.parse().ok()?);
        (is_theirs && count > 0).then_some(Range { first, count })
    });
    ranges.max_by_key(|range| range.count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_range_of_a_user_is_taken() {
        let text = "alice:100000:65536\n1001:165536:10\nbob:200000:5\nbob:300000:65536\nbroken\n";
        let range = |first, count| Some(Range { first, count });
        for (user, name, expected) in [
            (1000, Some("alice"), range(100_000, 65_536)),
            (1001, None, range(165_536, 10)),
            (1002, Some("bob"), range(300_000, 65_536)),
            (1003, Some("carol"), None),
        ] {
            assert_eq!(subordinate(text, user, name), expected, "{user}");
        }
    }
}
