//! Directories that the agent makes.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use crate::error::Error;

const MODE: u32 = 0o755;

/// Makes the directory at `path`, whose parent is there, for everyone to enter whatever the umask is.
pub(crate) fn make_directory(path: &Path) -> Result<(), Error> {
    let made = fs::DirBuilder::new().mode(MODE).create(path);
    made.and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(MODE)))
        .map_err(Error::io("make the directory", path))
}
