//! buildah, with a store of its own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::bench::subject::write_file;
use crate::cleanup::Cleanup;
use crate::command::run;
use crate::engine::unmount_below;
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// The store, and where the program is.
pub(super) struct Buildah {
    program: PathBuf,
    // Before the folder goes.
    _unmount: Cleanup,
    store: Scratch,
}

impl Buildah {
    /// Makes an empty store.
    pub(super) fn new(workspace: &Workspace, program: PathBuf) -> Result<Self> {
        let store = Scratch::in_cache(workspace)?;
        let quoted = |name: &str| {
            serde_json::Value::from(store.file(name).display().to_string()).to_string()
        };
        write_file(
            &store.file("storage.conf"),
            &format!(
                "[storage]\ndriver = \"overlay\"\ngraphroot = {}\nrunroot = {}\n",
                quoted("data"),
                quoted("run"),
            ),
        )?;
        // Its own choice of open files is more than root of some machines may have; so is crun's of control groups.
        write_file(
            &store.file("containers.conf"),
            "[containers]\ndefault_ulimits = [\"nofile=4096:4096\", \"nproc=4096:4096\"]\n\
             [engine]\nruntime = \"runc\"\n",
        )?;
        let mounts = store.path().to_owned();
        Ok(Self {
            program,
            _unmount: Cleanup::new(move || unmount_below(&mounts)),
            store,
        })
    }

    /// A command of it.
    pub(super) fn command(&self, verb: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(verb)
            .env("CONTAINERS_CONF", self.store.file("containers.conf"))
            .env("CONTAINERS_STORAGE_CONF", self.store.file("storage.conf"))
            .env("TMPDIR", self.store.path());
        command
    }

    /// Removes an image.
    pub(super) fn remove(&self, image: &str) -> Result<()> {
        run(self.command(&["rmi", "--force"]).arg(image))
    }
}
