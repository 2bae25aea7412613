//! What is in a layer that commands made: each kind of change, and nothing else.

use std::process::Command;

use anyhow::{ensure, Result};

use super::stand::Stand;
use crate::command::output;

/// The entries, as `tar` lists them: mode, owner, name.
const ENTRIES: &[&str] = &[
    "drwxr-xr-x 0/0 etc/",
    "-rw-r--r-- 1234/5678 etc/group",
    "drwxr-xr-x 0/0 kinds/",
    "-rw-r--r-- 0/0 kinds/a name\\nwith a break and \\303\\274",
    "drwxr-xr-x 0/0 kinds/empty/",
    "prw-r--r-- 0/0 kinds/fifo",
    "-rw-r--r-- 0/0 kinds/file",
    "hrw-r--r-- 0/0 kinds/hard link to kinds/file",
    "drwxr-s--- 1000/1000 kinds/mode/",
    "crw-r--r-- 0/0 kinds/null",
    "-rwsr-xr-x 0/0 kinds/setuid",
    "lrwxrwxrwx 0/0 kinds/soft -> file",
    "drwxr-xr-x 0/0 root/",
    "-rw-r--r-- 0/0 root/file",
    "drwxr-xr-x 0/0 srv/",
    "drwxr-xr-x 0/0 srv/tools/",
    "---------- 0/0 srv/tools/.wh.two",
    "drwxr-xr-x 0/0 srv/tools/one/",
    "drwxrwxrwt 0/0 tmp/",
    "-rw-r--r-- 0/0 tmp/kept",
];

/// The layer has exactly these entries, all of 1970.
pub(super) fn is_the_change(stand: &Stand<'_>) -> Result<()> {
    stand.build(&["--output_groups=tar", "//cases:kinds"])?;
    let tar = &stand.files("//cases:kinds", "tar")?[0];
    let mut list = Command::new("tar");
    list.args([
        "--list",
        "--verbose",
        "--numeric-owner",
        "--full-time",
        "--utc",
    ]);
    let listed = output(list.env("LC_ALL", "C").arg("--file").arg(tar))?;
    let found: Vec<String> = listed.lines().map(entry).collect();
    ensure!(
        found == ENTRIES,
        "the layer has\n{}\nexpected\n{}",
        found.join("\n"),
        ENTRIES.join("\n")
    );
    let old = |line: &str| line.contains(" 1970-01-01 00:00:00 ");
    ensure!(listed.lines().all(old), "there are other times:\n{listed}");
    Ok(())
}

/// Mode, owner and name of a line `MODE OWNER SIZE DATE TIME NAME`.
fn entry(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (Some(mode), Some(owner)) = (words.first(), words.get(1)) else {
        return line.to_owned();
    };
    let name = line.split(" 00:00:00 ").nth(1).unwrap_or(line);
    format!("{mode} {owner} {name}")
}
