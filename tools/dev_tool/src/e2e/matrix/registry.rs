//! A registry of this machine's own, to which images are pushed.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use serde_json::Value;

use crate::command::output;
use crate::engine::free_port;
use crate::scratch::Scratch;

/// `docker-registry` on a port of the loopback interface; it ends, with all that it has, when dropped.
pub(crate) struct Registry {
    child: Child,
    port: u16,
    scratch: Scratch,
}

impl Registry {
    /// Starts it with nothing in it.
    pub(crate) fn start() -> Result<Self> {
        let scratch = Scratch::new()?;
        let port = free_port()?;
        let settings = scratch.file("config.yml");
        let data = scratch.file("data");
        fs::write(
            &settings,
            format!(
                "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
                data.display()
            ),
        )
        .context("failed to write the registry's settings")?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--", "docker-registry", "serve"])
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("failed to run `docker-registry`")?;
        let registry = Self {
            child,
            port,
            scratch,
        };
        registry.wait()?;
        Ok(registry)
    }

    /// The name under which an image is pushed here.
    pub(crate) fn name(&self, repository: &str) -> String {
        format!("127.0.0.1:{}/{repository}:latest", self.port)
    }

    /// Pulls what has this name, and returns its `diff_id`s. skopeo checks every digest on the way.
    pub(crate) fn pull(&self, name: &str) -> Result<Vec<String>> {
        diff_ids(&format!("docker://{name}"), &self.scratch)
    }

    fn wait(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            ensure!(
                Instant::now() < deadline,
                "`docker-registry` does not answer"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        if let Err(error) = ended {
            eprintln!("warning: the registry does not end: {error}");
        }
    }
}

/// Copies the image at `source`, as skopeo names it, with all of its layers, and returns their `diff_id`s.
pub(crate) fn diff_ids(source: &str, scratch: &Scratch) -> Result<Vec<String>> {
    let folder = scratch.file("copied");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("failed to remove the last copy")?;
    }
    let mut copy = Command::new("skopeo");
    copy.args(["copy", "--quiet", "--src-tls-verify=false", source])
        .arg(format!("oci:{}:copy", folder.display()));
    output(&mut copy)?;
    config_layers(&folder)
}

/// The `diff_id`s in the config of the one image in a layout.
fn config_layers(layout: &Path) -> Result<Vec<String>> {
    let index = document(&layout.join("index.json"))?;
    let manifest = blob(layout, &index["manifests"][0]["digest"])?;
    let config = blob(layout, &manifest["config"]["digest"])?;
    serde_json::from_value(config["rootfs"]["diff_ids"].clone())
        .context("the config has no `diff_ids`")
}

fn blob(layout: &Path, digest: &Value) -> Result<Value> {
    let digest = digest.as_str().unwrap_or_default();
    document(&layout.join("blobs").join(digest.replace(':', "/")))
}

fn document(file: &Path) -> Result<Value> {
    let text = fs::read(file).with_context(|| format!("failed to read `{}`", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("`{}` is no JSON", file.display()))
}
