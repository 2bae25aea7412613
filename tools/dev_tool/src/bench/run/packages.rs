//! The Debian packages that are installed: downloaded once, and kept.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::engine::Packages;
use crate::workspace::Workspace;

/// `git` and a few more on top of a minimal system: thirty packages that need no others, 116 MB in 4,600 files.
const INSTALLED: Packages = Packages {
    suite: "bookworm",
    names: &[
        "git",
        "git-doc",
        "git-man",
        "less",
        "libbrotli1",
        "libcurl3-gnutls",
        "liberror-perl",
        "libexpat1",
        "libgdbm-compat4",
        "libgdbm6",
        "libgssapi-krb5-2",
        "libk5crypto3",
        "libkeyutils1",
        "libkrb5-3",
        "libkrb5support0",
        "libldap-2.5-0",
        "libnghttp2-14",
        "libperl5.36",
        "libpsl5",
        "librtmp1",
        "libsasl2-2",
        "libsasl2-modules-db",
        "libssh2-1",
        "libssl3",
        "linux-libc-dev",
        "make",
        "patch",
        "perl",
        "perl-modules-5.36",
        "xz-utils",
    ],
};

/// The folder of the packages, whose name is `packages`, and nothing else in the folder that it is in.
pub(super) fn folder(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.cache("bench/run-packages/packages");
    if folder.exists() {
        return Ok(folder);
    }
    let work = workspace.cache("bench/run-packages.new");
    if work.exists() {
        fs::remove_dir_all(&work)
            .with_context(|| format!("failed to remove `{}`", work.display()))?;
    }
    INSTALLED.download(&work)?;
    workspace.cache_folder("bench/run-packages")?;
    fs::rename(work.join("files"), &folder)
        .with_context(|| format!("failed to rename `{}`", work.display()))?;
    fs::remove_dir_all(&work).with_context(|| format!("failed to remove `{}`", work.display()))?;
    Ok(folder)
}
