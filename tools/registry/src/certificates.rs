//! The certificates that are kept for registries.
//!
//! See <https://docs.docker.com/engine/security/certificates/> and containers-certs.d(5): a folder has `*.crt` of
//! authorities, and pairs `NAME.cert` and `NAME.key` of this client.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use stevedore_wire::{ClientFiles, TlsFiles};

use crate::error::Error;
use crate::options::Options;

/// The certificates for the registry at `authority`.
///
/// # Errors
/// If a folder that the user has named cannot be read, or half of a pair is missing.
pub(crate) fn of(options: &Options, authority: &str) -> Result<TlsFiles, Error> {
    let mut found = TlsFiles {
        and_system: true,
        skip_verify: options.insecure,
        ..TlsFiles::default()
    };
    for folder in &options.certificates {
        add(&mut found, folder, true)?;
    }
    for root in &options.certificate_roots {
        add(&mut found, &root.join(authority), false)?;
    }
    Ok(found)
}

fn add(found: &mut TlsFiles, folder: &Path, must_exist: bool) -> Result<(), Error> {
    let failed = |source| Error::CertificateFolder {
        path: folder.to_owned(),
        source,
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<PathBuf>, _>>()
        .map_err(failed)?;
    paths.sort();
    for path in paths {
        match path.extension().and_then(|end| end.to_str()) {
            Some("crt") => found.ca.push(path),
            Some("cert") => add_client(found, path)?,
            Some("key") => other_half(&path, "cert").map(drop)?,
            _ => {}
        }
    }
    Ok(())
}

/// The first pair counts: a connection has one certificate.
fn add_client(found: &mut TlsFiles, certificate: PathBuf) -> Result<(), Error> {
    let key = other_half(&certificate, "key")?;
    found.client.get_or_insert(ClientFiles { certificate, key });
    Ok(())
}

fn other_half(path: &Path, extension: &str) -> Result<PathBuf, Error> {
    let other = path.with_extension(extension);
    match other.exists() {
        true => Ok(other),
        false => Err(Error::HalfPair {
            found: path.to_owned(),
            missing: other,
        }),
    }
}
