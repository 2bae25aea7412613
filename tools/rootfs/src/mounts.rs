//! What is mounted.

use std::fs;
use std::path::Path;

use crate::error::Error;
use crate::path;

const MOUNTINFO: &str = "/proc/self/mountinfo";

/// Where something is mounted, seen from this process's root, but the root itself: paths from the root, without a leading
/// slash.
///
/// # Errors
/// [`Error::Io`] if `/proc` cannot be read, [`Error::Mountinfo`] if it says something else than the kernel does.
pub fn mount_points() -> Result<Vec<Vec<u8>>, Error> {
    let text = fs::read(MOUNTINFO).map_err(Error::io("read", Path::new(MOUNTINFO)))?;
    let lines = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let points: Vec<Vec<u8>> = lines.map(mount_point).collect::<Result<_, _>>()?;
    Ok(points.into_iter().filter(|path| !path.is_empty()).collect())
}

/// The fifth field: `36 35 98:0 /mnt1 /mnt/parent rw,noatime master:1 - ext3 /dev/root rw`.
/// See <https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html>.
fn mount_point(line: &[u8]) -> Result<Vec<u8>, Error> {
    match line.split(|byte| *byte == b' ').nth(4) {
        Some(field) if field.starts_with(b"/") => Ok(path::from_absolute(&unescape(field))),
        _ => Err(Error::Mountinfo {
            line: String::from_utf8_lossy(line).into_owned(),
        }),
    }
}

/// A blank is written as `\040`, a backslash as `\134`.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        match (first, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..]) => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = &after[3..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_is_the_fifth_field_and_its_blanks_are_escaped() {
        let line = br"36 35 98:0 / /a\040b\134c rw - ext3 /dev/root rw";
        assert_eq!(mount_point(line).unwrap(), br"a b\c");
        let line = b"36 35 98:0 / / rw - overlay overlay rw";
        assert_eq!(mount_point(line).unwrap(), b"");
    }

    #[test]
    fn a_line_without_one_is_an_error() {
        assert!(mount_point(b"36 35 98:0 /").is_err());
    }
}
