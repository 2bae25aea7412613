//! A registry that answers to a digest with something else: busybox's web server, with one file.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

use super::base::REPOSITORY;
use crate::cleanup::Cleanup;
use crate::engine::free_port;
use crate::scratch::Scratch;

/// The server. It ends when this is dropped, or when the process ends.
pub(super) struct Liar {
    address: String,
    _end: Cleanup,
    _files: Scratch,
}

impl Liar {
    /// Starts one that has `content` under `digest`.
    pub(super) fn start(digest: &str, content: &str) -> Result<Self> {
        let files = Scratch::new()?;
        let folder = files.path().join("v2").join(REPOSITORY).join("manifests");
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(folder.join(digest), content))
            .context("failed to write what a registry has")?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--", "busybox", "httpd", "-f"])
            .args(["-p", &address, "-h"])
            .arg(files.path())
            .stdin(Stdio::null())
            .spawn()
            .context("failed to start busybox's web server")?;
        let child = Arc::new(Mutex::new(child));
        Ok(Self {
            address,
            _end: Cleanup::new(move || end(&child)),
            _files: files,
        })
    }

    /// `HOST:PORT`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

fn end(child: &Mutex<Child>) -> Result<()> {
    let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
    child.kill().context("failed to end a web server")?;
    child.wait().context("failed to end a web server")?;
    Ok(())
}
