//! The registries that development uses: real ones, on ports of the loopback interface.

mod access;
mod build;
mod name;
mod program;

use std::fs::{self, File};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};

use crate::cleanup::Cleanup;
use crate::command::shown;
use crate::engine::free_port;
use crate::scratch::Scratch;
use crate::workspace::Workspace;
use access::Access;
pub(crate) use name::{RegistryName, REGISTRIES};

/// How long a registry may take until it listens.
const START: Duration = Duration::from_secs(20);

/// A registry with nothing in it at first. It ends, with all that it has, when dropped or when the process ends.
pub(crate) struct Registry {
    name: RegistryName,
    port: u16,
    access: Access,
    child: Arc<Mutex<Child>>,
    // Before the folder that it writes to goes away.
    _end: Cleanup,
    scratch: Scratch,
}

impl Registry {
    /// Starts the one of this name, such as `distribution-2@token`.
    pub(crate) fn start(workspace: &Workspace, name: &str) -> Result<Self> {
        Self::start_in(workspace, name, Scratch::new()?)
    }

    /// The same with its data in memory, if so many bytes fit there: what is measured is then not the disk.
    pub(crate) fn start_in_memory(workspace: &Workspace, name: &str, bytes: u64) -> Result<Self> {
        Self::start_in(workspace, name, Scratch::in_memory(bytes)?)
    }

    fn start_in(workspace: &Workspace, name: &str, scratch: Scratch) -> Result<Self> {
        let registry = Self::launch(workspace, name, scratch)?;
        registry.wait()?;
        Ok(registry)
    }

    /// Starts several at once.
    pub(crate) fn start_all(workspace: &Workspace, names: &[&str]) -> Result<Vec<Self>> {
        let launch = |name: &&str| Self::launch(workspace, name, Scratch::new()?);
        let registries: Vec<_> = names.iter().map(launch).collect::<Result<_>>()?;
        registries.iter().try_for_each(Self::wait)?;
        Ok(registries)
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its entry in `STEVEDORE_TEST_REGISTRIES`: `NAME=HOST:PORT`, then what else one has to know to use it, with
    /// semicolons: `KEY=VALUE`.
    pub(crate) fn entry(&self) -> String {
        let mut entry = format!("{}={}", self.name, self.address());
        for (key, value) in self.access.facts() {
            entry += &format!(";{key}={value}");
        }
        entry
    }

    /// The user whom it knows, and the password.
    pub(crate) fn login(&self) -> Option<(String, String)> {
        self.access.login()
    }

    /// How many tokens were asked for, of the token server that it sends its clients to.
    pub(crate) fn token_requests(&self) -> usize {
        self.access.token_requests()
    }

    fn launch(workspace: &Workspace, name: &str, scratch: Scratch) -> Result<Self> {
        let name: RegistryName = name.parse()?;
        let access = Access::prepare(&name.variant, &scratch)?;
        let port = free_port()?;
        let listen = format!("127.0.0.1:{port}");
        let command = program::command(workspace, &name, &access, &scratch, &listen)?;
        let log = File::create(scratch.file("log")).context("failed to create the log")?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--"])
            .arg(command.get_program())
            .args(command.get_args())
            // Otherwise it looks for somebody who collects traces.
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("failed to open the log")?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("failed to run `{}`", shown(&command)))?;
        let child = Arc::new(Mutex::new(child));
        let ending = Arc::clone(&child);
        let end = Cleanup::new(move || {
            let mut child = lock(&ending);
            child.kill().context("failed to end a registry")?;
            child.wait().context("failed to end a registry")?;
            Ok(())
        });
        Ok(Self {
            name,
            port,
            access,
            child,
            _end: end,
            scratch,
        })
    }

    fn wait(&self) -> Result<()> {
        let deadline = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = lock(&self.child).try_wait()?;
            if ended.is_some() || Instant::now() >= deadline {
                let log = fs::read_to_string(self.scratch.file("log")).unwrap_or_default();
                let state = ended.map_or("does not listen".to_owned(), |status| {
                    format!("ended ({status})")
                });
                bail!("the registry `{}` {state}; it said:\n{log}", self.name);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts registries, says how they are reached, and keeps them until the process is interrupted.
pub(crate) fn serve(workspace: &Workspace, names: &[RegistryName]) -> Result<()> {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let registries = Registry::start_all(workspace, &names)?;
    println!("{}", variable(&registries));
    loop {
        std::thread::park();
    }
}

/// `STEVEDORE_TEST_REGISTRIES=…`, quoted for a shell.
fn variable(registries: &[Registry]) -> String {
    format!("STEVEDORE_TEST_REGISTRIES='{}'", entries(registries))
}

/// The value of `STEVEDORE_TEST_REGISTRIES`.
pub(crate) fn entries(registries: &[Registry]) -> String {
    let entries: Vec<_> = registries.iter().map(Registry::entry).collect();
    entries.join(",")
}
