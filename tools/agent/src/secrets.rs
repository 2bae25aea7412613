//! Secrets, which are files in memory.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{fchown, OpenOptionsExt};
use std::path::Path;

use base64::prelude::{Engine, BASE64_STANDARD};
use stevedore_agent::{Secret, SECRETS};
use stevedore_rootfs::mount_points;

use crate::account::Account;
use crate::error::Error;

/// Writes each to a file that only `account` can read.
pub(crate) fn write(secrets: &[Secret], account: &Account) -> Result<(), Error> {
    if secrets.is_empty() {
        return Ok(());
    }
    let is_mounted = mount_points()?
        .iter()
        .any(|path| [b"/", path.as_slice()].concat() == SECRETS.as_bytes());
    if !is_mounted {
        return Err(Error::NoSecretsMount);
    }
    secrets
        .iter()
        .try_for_each(|secret| write_one(secret, account))
}

fn write_one(secret: &Secret, account: &Account) -> Result<(), Error> {
    let name = || secret.name.clone();
    if matches!(secret.name.as_str(), "" | "." | "..") || secret.name.contains('/') {
        return Err(Error::SecretName { name: name() });
    }
    let content =
        BASE64_STANDARD
            .decode(&secret.content)
            .map_err(|source| Error::SecretContent {
                name: name(),
                source,
            })?;
    let path = Path::new(SECRETS).join(&secret.name);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o400)
        .open(&path);
    file.and_then(|mut file| {
        file.write_all(&content)?;
        fchown(&file, Some(account.uid), Some(account.gid))
    })
    .map_err(Error::io("write the secret", &path))
}
