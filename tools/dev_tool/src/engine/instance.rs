//! One daemon in a folder of its own: started, asked, stopped.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use nix::fcntl::{Flock, FlockArg};

use super::place::{program_folder, Place};
use super::process::Process;
use super::server::{Lifetime, Server};
use super::{bridge, control_group, mounts, ssh, tls, EngineName, Programs, Variant};
use crate::workspace::Workspace;

/// How long a daemon may take until it answers.
const START: Duration = Duration::from_secs(60);

/// How long a daemon may take to stop its containers and itself.
const STOP: Duration = Duration::from_secs(30);

/// A daemon's place: it may run or not.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    name: EngineName,
    place: Place,
}

impl Instance {
    /// The instance that `dev/engine start NAME` runs.
    pub(crate) fn shared(workspace: &Workspace, name: &EngineName) -> Self {
        Self::new(workspace, name, &name.folder())
    }

    /// One in a folder with this name.
    pub(crate) fn new(workspace: &Workspace, name: &EngineName, folder: &str) -> Self {
        Self {
            name: name.clone(),
            place: Place::new(workspace, name.engine, folder),
        }
    }

    /// The name that it was made with.
    pub(crate) fn name(&self) -> &EngineName {
        &self.name
    }

    /// The daemon's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.name.engine.daemon.socket(&self.place)
    }

    /// The folder of its mount points, and of sockets of what it starts.
    pub(crate) fn exec(&self) -> PathBuf {
        self.place.exec()
    }

    /// The socket as clients name it: what `DOCKER_HOST` has, or the address of containerd that a load takes.
    pub(crate) fn host(&self) -> String {
        self.host_at(&self.socket())
    }

    /// The address of this kind of engine behind another socket, such as a proxy's.
    pub(crate) fn host_at(&self, socket: &std::path::Path) -> String {
        self.name.engine.daemon.address(socket)
    }

    /// The address by which clients are to come: that of the variant, if it has one of its own.
    pub(crate) fn address(&self) -> Result<String> {
        match self.name.variant {
            Variant::Plain | Variant::Tmpfs(_) | Variant::Bridge => Ok(self.host()),
            Variant::Tls => tls::address(&self.place),
            Variant::Ssh => ssh::address(&self.place),
        }
    }

    /// The variables that point clients at it.
    pub(crate) fn variables(&self) -> Result<Vec<(&'static str, OsString)>> {
        match self.name.variant {
            Variant::Plain | Variant::Tmpfs(_) | Variant::Bridge => {
                let daemon = self.name.engine.daemon;
                Ok(daemon.variables(&self.place, &self.host()))
            }
            Variant::Tls => tls::variables(&self.place),
            Variant::Ssh => ssh::variables(&self.place),
        }
    }

    /// Whether its daemon runs.
    pub(crate) fn runs(&self) -> bool {
        self.server().process().is_some()
    }

    /// Starts the daemon, if it does not run, and waits until it answers.
    pub(crate) fn start(&self, workspace: &Workspace) -> Result<()> {
        self.start_for(workspace, Lifetime::UntilStopped)
    }

    /// Stops the daemon, if it runs, and unmounts what stayed behind. Its data is kept, unless it is on a tmpfs.
    pub(crate) fn stop(&self) -> Result<()> {
        if !self.place.folder().exists() {
            return Ok(());
        }
        let _lock = self.lock()?;
        self.stop_locked()
            .with_context(|| format!("failed to stop {}", self.name))
    }

    /// Stops it and removes all that it has.
    pub(crate) fn remove(&self) -> Result<()> {
        self.stop()?;
        for folder in self.place.folders() {
            if folder.exists() {
                fs::remove_dir_all(folder)
                    .with_context(|| format!("failed to remove `{}`", folder.display()))?;
            }
        }
        Ok(())
    }

    /// The client of this engine (`docker`, or `ctr` for containerd), talking to this instance.
    pub(crate) fn docker_command(&self) -> Command {
        self.docker_client(&self.host())
    }

    /// The client of this engine, talking to `host`.
    pub(crate) fn docker_client(&self, host: &str) -> Command {
        self.name.engine.daemon.client(&self.place, host)
    }

    /// A program of this engine's version (`podman`), with what it needs to find its parts.
    pub(crate) fn program(&self, name: &str) -> Command {
        self.place.command(name)
    }

    /// What its store holds: images, layers or blobs, and files of uploads that are under way.
    pub(crate) fn content(&self) -> Result<Vec<String>> {
        self.name.engine.daemon.content(&self.place)
    }

    /// [`Instance::start`] for a daemon that lives as long as `lifetime` says.
    pub(crate) fn start_for(&self, workspace: &Workspace, lifetime: Lifetime) -> Result<()> {
        self.place.create_folder("")?;
        let _lock = self.lock()?;
        if self.runs() {
            return Ok(());
        }
        if let Programs::Packages(packages) = &self.name.engine.programs {
            packages.unpack(&program_folder(workspace, self.name.engine))?;
        }
        self.prepare()?;
        let ready = self.serve(lifetime);
        if let Err(error) = ready {
            self.stop_locked()?;
            let said = self.server().log_tail();
            return Err(error.context(format!("{} did not start: {said}", self.name)));
        }
        Ok(())
    }

    fn prepare(&self) -> Result<()> {
        Place::check_socket(&self.socket())?;
        // What a daemon that was killed has left: leftovers of containers, mounts, and an id file that may name another process by now.
        self.stop_locked()?;
        let data = self.place.create_folder("data")?;
        self.place.create_exec()?;
        match &self.name.variant {
            Variant::Plain => {}
            Variant::Tmpfs(size) => mounts::mount_tmpfs(&data, size)?,
            Variant::Tls => tls::prepare(&self.place)?,
            Variant::Ssh => ssh::prepare(&self.place, &self.host())?,
            Variant::Bridge => bridge::prepare(&self.place)?,
        }
        self.name.engine.daemon.configure(&self.place)
    }

    /// Starts the processes, and waits until they answer.
    fn serve(&self, lifetime: Lifetime) -> Result<()> {
        let mut command = self
            .name
            .engine
            .daemon
            .command(&self.place, lifetime.prefix())?;
        command.current_dir(self.place.folder());
        let mut daemon = self.server().start(&mut command)?;
        self.wait_until_it_answers(&mut daemon)?;
        if self.name.variant == Variant::Ssh {
            self.ssh_server()
                .start(&mut ssh::command(&self.place, lifetime.prefix()))?;
        }
        Ok(())
    }

    /// Waits for the daemon, whose version has to be as the table says.
    fn wait_until_it_answers(&self, child: &mut Child) -> Result<()> {
        let deadline = Instant::now() + START;
        let version = loop {
            let error = match self.name.engine.daemon.version(&self.place) {
                Ok(version) => break version,
                Err(error) => error,
            };
            if let Some(status) = child.try_wait().context("failed to watch the daemon")? {
                bail!("the daemon ended ({status})");
            }
            if Instant::now() >= deadline {
                return Err(error.context(format!("no answer within {} s", START.as_secs())));
            }
            thread::sleep(Duration::from_millis(50));
        };
        let expected = self.name.engine.version;
        if !version.starts_with(expected) {
            bail!("it is version `{version}`, expected `{expected}*`: the suite has moved on; add a row for the new version to the table of engines");
        }
        Ok(())
    }

    fn stop_locked(&self) -> Result<()> {
        self.ssh_server().stop(STOP)?;
        self.server().stop(STOP)?;
        self.name.engine.daemon.end_containers(&self.place)?;
        // A daemon that was killed leaves its containerd and the containers' shims or monitors behind.
        for process in Process::with_argument(&self.place.exec().display().to_string())? {
            process.end(Duration::from_secs(5))?;
        }
        for folder in self.place.folders() {
            mounts::unmount_below(folder)?;
        }
        control_group::remove(&self.place.control_group())?;
        bridge::remove(&self.place)?;
        let socket = self.socket();
        if socket.exists() {
            fs::remove_file(&socket)
                .with_context(|| format!("failed to remove `{}`", socket.display()))?;
        }
        Ok(())
    }

    fn server(&self) -> Server {
        Server {
            process_file: self.place.file("process"),
            log: self.place.file("log"),
        }
    }

    fn ssh_server(&self) -> Server {
        Server {
            process_file: self.place.file("ssh/process"),
            log: self.place.file("ssh/log"),
        }
    }

    fn lock(&self) -> Result<Flock<File>> {
        let file = self.place.file("lock");
        let opened = File::create(&file)
            .with_context(|| format!("failed to create `{}`", file.display()))?;
        Flock::lock(opened, FlockArg::LockExclusive)
            .map_err(|(_, error)| error)
            .with_context(|| format!("failed to lock `{}`", file.display()))
    }
}
