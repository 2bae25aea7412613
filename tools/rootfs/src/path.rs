//! Paths from the root, as bytes: no leading slash, no trailing one; the root's own is empty.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What begins the name of an entry that says that a file is gone.
/// See <https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md#whiteouts>.
pub(crate) const WHITEOUT: &[u8] = b".wh.";

/// The order of a layer: component by component, by their bytes.
pub(crate) fn compare(one: &[u8], other: &[u8]) -> Ordering {
    let components = |path| <[u8]>::split(path, |byte| *byte == b'/');
    components(one).cmp(components(other))
}

/// `name` in the directory `parent`.
pub(crate) fn join(parent: &[u8], name: &[u8]) -> Vec<u8> {
    match parent {
        [] => name.to_vec(),
        _ => [parent, b"/", name].concat(),
    }
}

/// The path of the whiteout of `path`.
pub(crate) fn whiteout(path: &[u8]) -> Vec<u8> {
    let name = path
        .iter()
        .rposition(|byte| *byte == b'/')
        .map_or(0, |slash| slash + 1);
    [&path[..name], WHITEOUT, &path[name..]].concat()
}

/// The same path below `root` on this machine.
pub(crate) fn below(root: &Path, path: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(path))
}

/// A path such as `/a//b/./c/` in the form of this module. `..` is kept, since what it means depends on symlinks.
pub(crate) fn from_absolute(path: &[u8]) -> Vec<u8> {
    let parts = path.split(|byte| *byte == b'/');
    parts
        .filter(|part| !part.is_empty() && *part != b".")
        .collect::<Vec<_>>()
        .join(&b'/')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_by_component() {
        let mut paths: Vec<&[u8]> = vec![b"a.b", b"a", b"b", b"a/b", b"a-b", b"a/b/c"];
        paths.sort_by(|one, other| compare(one, other));
        assert_eq!(paths, [&b"a"[..], b"a/b", b"a/b/c", b"a-b", b"a.b", b"b"]);
    }

    #[test]
    fn a_whiteout_is_beside_what_is_gone() {
        assert_eq!(whiteout(b"a/b"), b"a/.wh.b");
        assert_eq!(whiteout(b"a"), b".wh.a");
    }

    #[test]
    fn an_absolute_path_loses_its_empty_parts() {
        assert_eq!(from_absolute(b"/a//b/./c/"), b"a/b/c");
        assert_eq!(from_absolute(b"/"), b"");
    }
}
