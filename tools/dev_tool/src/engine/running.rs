//! A daemon for one purpose.

use anyhow::Result;

use super::instance::Instance;
use super::server::Lifetime;
use super::EngineName;
use crate::cleanup::Cleanup;
use crate::command::output;
use crate::workspace::Workspace;

/// A daemon with an empty store that ends, and takes its store along, when this value is dropped or the process ends.
pub(crate) struct Running {
    instance: Instance,
    _end: Cleanup,
}

impl Running {
    /// Starts `engine` for `purpose` (a word for the folder's name). Whatever an earlier run has left there goes first.
    pub(crate) fn start(workspace: &Workspace, engine: &str, purpose: &str) -> Result<Self> {
        let name: EngineName = engine.parse()?;
        let folder = format!("{purpose}-{}", name.folder());
        let instance = Instance::new(workspace, &name, &folder);
        instance.remove()?;
        let doomed = instance.clone();
        let end = Cleanup::new(move || doomed.remove());
        instance.start_for(workspace, Lifetime::WithThisProcess)?;
        Ok(Self {
            instance,
            _end: end,
        })
    }

    /// Runs the client with `arguments` and returns what it printed.
    pub(crate) fn docker<const N: usize>(&self, arguments: [&str; N]) -> Result<String> {
        output(self.instance.docker_command().args(arguments))
    }

    /// Stops the daemon and starts it again, with what is in its store.
    pub(crate) fn restart(&self, workspace: &Workspace) -> Result<()> {
        self.instance.stop()?;
        self.instance
            .start_for(workspace, Lifetime::WithThisProcess)
    }
}

impl std::ops::Deref for Running {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.instance
    }
}
