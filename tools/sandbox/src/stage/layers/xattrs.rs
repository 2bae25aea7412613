//! Extended attributes of unpacked files.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use rustix::fs::{lsetxattr, XattrFlags};
use rustix::io::Errno;

/// What an overlay writes: never a layer's to say.
const OVERLAYS: [&[u8]; 2] = [b"trusted.overlay.", b"user.overlay."];

/// Sets the attributes of `name` in a directory.
///
/// Those that the file system or the namespace does not have are left out, as engines do, but for the two kinds that a layer of ours
/// has: they would be lost.
pub(super) fn set(
    directory: BorrowedFd<'_>,
    name: &[u8],
    xattrs: &[(Vec<u8>, Vec<u8>)],
) -> io::Result<()> {
    for (key, value) in xattrs {
        if OVERLAYS.iter().any(|own| key.starts_with(own)) {
            continue;
        }
        match set_one(directory, name, key, value) {
            Ok(()) => {}
            Err(Errno::NOTSUP | Errno::PERM) if !is_kept(key) => {}
            Err(errno) => {
                let key = String::from_utf8_lossy(key);
                return Err(io::Error::other(format!("its attribute `{key}`: {errno}")));
            }
        }
    }
    Ok(())
}

/// Marks a directory as one that hides what is below it.
pub(super) fn set_opaque(directory: BorrowedFd<'_>, name: &[u8], is_root: bool) -> io::Result<()> {
    let key: &[u8] = match is_root {
        true => b"trusted.overlay.opaque",
        false => b"user.overlay.opaque",
    };
    set_one(directory, name, key, b"y").map_err(io::Error::from)
}

fn set_one(directory: BorrowedFd<'_>, name: &[u8], key: &[u8], value: &[u8]) -> Result<(), Errno> {
    // No call sets an attribute relative to a directory; this is the way that needs no path.
    let path = [
        format!("/proc/self/fd/{}/", directory.as_raw_fd()).as_bytes(),
        name,
    ]
    .concat();
    lsetxattr(path, key, value, XattrFlags::empty())
}

fn is_kept(key: &[u8]) -> bool {
    key == b"security.capability" || key.starts_with(b"user.")
}
