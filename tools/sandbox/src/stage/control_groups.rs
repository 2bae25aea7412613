//! The control groups that runtimes make for a container.

use std::fs;
use std::path::Path;

const ROOT: &str = "/sys/fs/cgroup";
/// A hierarchy of its own for each controller, or one for all.
const OWN: &str = "/proc/self/cgroup";

/// The path of the group for a container, below the one that this process is in where only that may be written to.
pub(super) fn path_for(name: &str, is_machines_root: bool) -> String {
    if is_machines_root {
        return format!("/{name}");
    }
    let text = fs::read_to_string(OWN).unwrap_or_default();
    let own = text.lines().find_map(|line| line.strip_prefix("0::"));
    format!("{}/{name}", own.unwrap_or_default().trim_end_matches('/'))
}

/// Removes the groups of a container whose runtime was killed.
pub(super) fn remove(name: &str) {
    let hierarchies = fs::read_dir(ROOT).into_iter().flatten().flatten();
    let paths = hierarchies.map(|entry| entry.path().join(name));
    for group in paths.chain([Path::new(ROOT).join(name)]) {
        // Mostly there is none.
        let _ = fs::remove_dir(group);
    }
}
