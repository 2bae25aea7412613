//! Extended attributes, as far as a layer has them.

use std::path::Path;

use rustix::io::Errno;

use crate::error::Error;

/// Names and values, sorted by name.
pub type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

/// Whether a layer keeps it. What else there is belongs to the machine (`security.selinux`, `trusted.overlay.*`).
fn is_kept(name: &[u8]) -> bool {
    // An overlay in a user namespace keeps its own under this name.
    name == b"security.capability"
        || name.starts_with(b"user.") && !name.starts_with(b"user.overlay.")
}

/// Those of the file at `path`, which is not followed; none where the file system has none.
///
/// # Errors
/// [`Error::Io`] if the file cannot be asked.
pub fn read(path: &Path) -> Result<Xattrs, Error> {
    let fail = |errno: Errno| Error::io("read the extended attributes of", path)(errno.into());
    let mut xattrs = Xattrs::new();
    for name in names(path).map_err(fail)? {
        if let Some(value) = value(path, &name).map_err(fail)? {
            xattrs.push((name, value));
        }
    }
    xattrs.sort();
    Ok(xattrs)
}

/// Whether an overlay's directory hides what lower ones have of it.
///
/// # Errors
/// [`Error::Io`] if the directory cannot be asked.
pub(crate) fn is_opaque(path: &Path) -> Result<bool, Error> {
    // In a user namespace, the second one.
    for name in ["trusted.overlay.opaque", "user.overlay.opaque"] {
        match value(path, name.as_bytes()) {
            Ok(Some(value)) if value == b"y" => return Ok(true),
            Ok(_) | Err(Errno::NOTSUP) => {}
            Err(errno) => {
                return Err(Error::io("read the extended attributes of", path)(
                    errno.into(),
                ))
            }
        }
    }
    Ok(false)
}

fn names(path: &Path) -> Result<Vec<Vec<u8>>, Errno> {
    let mut list = Vec::new();
    loop {
        let size = match rustix::fs::llistxattr_query(path) {
            Ok(0) | Err(Errno::NOTSUP | Errno::NOSYS) => return Ok(Vec::new()),
            Ok(size) => size,
            Err(errno) => return Err(errno),
        };
        list.resize(size, 0);
        match rustix::fs::llistxattr(path, list.as_mut_slice()) {
            // There are more of them by now.
            Err(Errno::RANGE) => continue,
            Ok(size) => list.truncate(size),
            Err(errno) => return Err(errno),
        }
        let names = list.split(|byte| *byte == 0);
        return Ok(names
            .filter(|name| is_kept(name))
            .map(<[u8]>::to_vec)
            .collect());
    }
}

fn value(path: &Path, name: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
    let mut value = Vec::new();
    loop {
        let size = match rustix::fs::lgetxattr_query(path, name) {
            Ok(size) => size,
            Err(Errno::NODATA) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        value.resize(size, 0);
        match rustix::fs::lgetxattr(path, name, value.as_mut_slice()) {
            Err(Errno::RANGE) => continue,
            Ok(size) => value.truncate(size),
            Err(errno) => return Err(errno),
        }
        return Ok(Some(value));
    }
}
