//! One daemon in a folder of its own: started, asked, stopped.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use nix::fcntl::{Flock, FlockArg};

use super::process::Process;
use super::{api, debian, mounts, EngineName, Programs};
use crate::cleanup::Cleanup;
use crate::command::output;
use crate::workspace::Workspace;

/// How long a daemon may take until it answers.
const START: Duration = Duration::from_secs(60);

/// How long a daemon may take to stop its containers and itself.
const STOP: Duration = Duration::from_secs(30);

/// The longest path that a Unix socket may have (`sun_path` of unix(7), less the final NUL).
const SOCKET_PATH: usize = 107;

/// Whether a daemon outlives the command that starts it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lifetime {
    /// Until `dev/engine stop`.
    UntilStopped,
    /// The kernel ends it when this process ends, however that comes.
    WithThisProcess,
}

/// A daemon's place: it may run or not.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    name: EngineName,
    folder: PathBuf,
    /// Folders to search for programs and libraries before the root's own.
    programs: Vec<PathBuf>,
    libraries: Vec<PathBuf>,
}

impl Instance {
    /// The instance that `dev/engine start NAME` runs.
    pub(crate) fn shared(workspace: &Workspace, name: &EngineName) -> Self {
        let folder = name.to_string().replace(['@', ':'], "-");
        Self::new(workspace, name, &folder)
    }

    fn new(workspace: &Workspace, name: &EngineName, folder: &str) -> Self {
        let (programs, libraries) = match name.engine.programs {
            Programs::Root => (Vec::new(), Vec::new()),
            Programs::Packages(_) => debian::search_paths(&program_folder(workspace, name)),
        };
        Self {
            name: name.clone(),
            // By checkout: engines of two clones run side by side.
            folder: workspace
                .cache("engines")
                .join(workspace.checkout())
                .join(folder),
            programs,
            libraries,
        }
    }

    /// The name that it was made with.
    pub(crate) fn name(&self) -> &EngineName {
        &self.name
    }

    /// The daemon's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("docker.sock")
    }

    /// The socket as `DOCKER_HOST` names it.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Whether its daemon runs.
    pub(crate) fn runs(&self) -> bool {
        self.process().is_some()
    }

    /// Starts the daemon, if it does not run, and waits until it answers.
    pub(crate) fn start(&self, workspace: &Workspace) -> Result<()> {
        self.start_for(workspace, Lifetime::UntilStopped)
    }

    /// Stops the daemon, if it runs, and unmounts what stayed behind. Its data is kept, unless it is on a tmpfs.
    pub(crate) fn stop(&self) -> Result<()> {
        if !self.folder.exists() {
            return Ok(());
        }
        let _lock = self.lock()?;
        self.stop_locked()
            .with_context(|| format!("failed to stop {}", self.name))
    }

    /// The docker client of this engine, talking to this instance.
    pub(crate) fn docker_command(&self) -> Command {
        self.docker_client(&self.host())
    }

    /// The docker client of this engine, talking to `host`.
    pub(crate) fn docker_client(&self, host: &str) -> Command {
        let program = self
            .programs
            .iter()
            .map(|folder| folder.join("docker"))
            .find(|program| program.exists())
            .unwrap_or_else(|| PathBuf::from("docker"));
        let mut command = Command::new(program);
        command.args(["--host", host]);
        command
    }

    /// What its store holds: images by id, layers, and files of uploads that are under way.
    pub(crate) fn content(&self) -> Result<Vec<String>> {
        let images = output(
            self.docker_command()
                .args(["image", "ls", "--all", "--quiet"]),
        )?;
        let mut content: Vec<_> = images.lines().map(ToOwned::to_owned).collect();
        for folder in ["data/tmp", "data/image/overlay2/layerdb/sha256"] {
            let folder = self.folder.join(folder);
            if !folder.exists() {
                continue;
            }
            for entry in fs::read_dir(&folder)
                .with_context(|| format!("failed to list `{}`", folder.display()))?
            {
                content.push(entry?.path().display().to_string());
            }
        }
        Ok(content)
    }

    fn start_for(&self, workspace: &Workspace, lifetime: Lifetime) -> Result<()> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("failed to create `{}`", self.folder.display()))?;
        let _lock = self.lock()?;
        if self.runs() {
            return Ok(());
        }
        if let Programs::Packages(packages) = &self.name.engine.programs {
            packages.unpack(&program_folder(workspace, &self.name))?;
        }
        self.prepare()?;
        let mut child = self.spawn(lifetime)?;
        let ready = self
            .wait_until_it_answers(&mut child)
            .and_then(|()| self.check_version());
        if let Err(error) = ready {
            self.stop_locked()?;
            return Err(error.context(format!("{} did not start: {}", self.name, self.log_tail())));
        }
        Ok(())
    }

    fn prepare(&self) -> Result<()> {
        let socket = self.socket();
        if socket.as_os_str().len() > SOCKET_PATH {
            bail!(
                "the socket's path `{}` is longer than the {SOCKET_PATH} bytes that a socket may have: choose a shorter cache folder",
                socket.display()
            );
        }
        // What a daemon that was killed has left: leftovers of containers, mounts, and an id file that may name another process by now.
        self.stop_locked()?;
        let data = self.folder.join("data");
        fs::create_dir_all(&data)
            .with_context(|| format!("failed to create `{}`", data.display()))?;
        if let Some(size) = &self.name.tmpfs {
            mounts::mount_tmpfs(&data, size)?;
        }
        let settings = self.folder.join("daemon.json");
        fs::write(&settings, self.name.engine.settings)
            .with_context(|| format!("failed to write `{}`", settings.display()))
    }

    fn spawn(&self, lifetime: Lifetime) -> Result<Child> {
        let log = File::create(self.log()).context("failed to create the daemon's log")?;
        let mut command = match lifetime {
            Lifetime::UntilStopped => Command::new("dockerd"),
            Lifetime::WithThisProcess => {
                let mut command = Command::new("setpriv");
                command.args(["--pdeathsig", "TERM", "--", "dockerd"]);
                command
            }
        };
        let child = command
            .args(self.daemon_arguments())
            .env("PATH", self.search("PATH", &self.programs)?)
            .env(
                "LD_LIBRARY_PATH",
                self.search("LD_LIBRARY_PATH", &self.libraries)?,
            )
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("failed to open the daemon's log")?)
            .stderr(log)
            // A Ctrl-C at the terminal is for the command, which then stops its daemons in order.
            .process_group(0)
            .spawn()
            .context("failed to run `dockerd`")?;
        match i32::try_from(child.id()).ok().and_then(Process::find) {
            Some(process) => process.save(&self.process_file())?,
            None => bail!("{} ended at once: {}", self.name, self.log_tail()),
        }
        Ok(child)
    }

    /// Nothing of the machine's network is touched, and no process is put outside the instance's own control group.
    fn daemon_arguments(&self) -> Vec<OsString> {
        let flag = |name: &str, path: PathBuf| {
            let mut flag = OsString::from(name);
            flag.push(path);
            flag
        };
        vec![
            flag("--config-file=", self.folder.join("daemon.json")),
            flag("--data-root=", self.folder.join("data")),
            flag("--exec-root=", self.exec_root()),
            flag("--pidfile=", self.folder.join("docker.pid")),
            self.host_flag(),
            "--bridge=none".into(),
            "--iptables=false".into(),
            "--ip6tables=false".into(),
            "--ip-forward=false".into(),
            "--ip-masq=false".into(),
            format!("--cgroup-parent=/{}", self.control_group()).into(),
        ]
    }

    fn host_flag(&self) -> OsString {
        format!("--host={}", self.host()).into()
    }

    fn wait_until_it_answers(&self, child: &mut Child) -> Result<()> {
        let deadline = Instant::now() + START;
        loop {
            let error = match api::get(&self.socket(), "/_ping") {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            if let Some(status) = child.try_wait().context("failed to watch the daemon")? {
                bail!("the daemon ended ({status})");
            }
            if Instant::now() >= deadline {
                return Err(error.context(format!("no answer within {} s", START.as_secs())));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn check_version(&self) -> Result<()> {
        let answer = api::get(&self.socket(), "/version")?;
        let answer: serde_json::Value =
            serde_json::from_str(&answer).context("`GET /version` did not answer JSON")?;
        let version = answer["Version"].as_str().unwrap_or_default();
        let expected = self.name.engine.version;
        if !version.starts_with(expected) {
            bail!("it is version `{version}`, expected `{expected}*`: the suite has moved on; add a row for the new version to the table of engines");
        }
        Ok(())
    }

    fn stop_locked(&self) -> Result<()> {
        if let Some(process) = self.process() {
            process.end(STOP)?;
        }
        // A daemon that was killed leaves its containerd and the containers' shims behind.
        for process in Process::with_argument(&self.exec_root().display().to_string())? {
            process.end(Duration::from_secs(5))?;
        }
        mounts::unmount_below(&self.folder)?;
        mounts::remove_control_groups(&self.control_group())?;
        for file in [
            self.process_file(),
            self.folder.join("docker.pid"),
            self.socket(),
        ] {
            if file.exists() {
                fs::remove_file(&file)
                    .with_context(|| format!("failed to remove `{}`", file.display()))?;
            }
        }
        Ok(())
    }

    fn process(&self) -> Option<Process> {
        Process::load(&self.process_file())
    }

    fn process_file(&self) -> PathBuf {
        self.folder.join("process")
    }

    fn exec_root(&self) -> PathBuf {
        self.folder.join("exec")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn control_group(&self) -> String {
        let folder = self.folder.file_name().unwrap_or_default();
        format!("stevedore-{}", folder.to_string_lossy())
    }

    /// The log's last lines, for an error message.
    fn log_tail(&self) -> String {
        let log = self.log();
        match fs::read_to_string(&log) {
            Ok(text) => {
                let lines: Vec<_> = text.lines().collect();
                let tail = lines[lines.len().saturating_sub(15)..].join("\n  ");
                format!("the end of `{}`:\n  {tail}", log.display())
            }
            Err(error) => format!("`{}` cannot be read: {error}", log.display()),
        }
    }

    /// `own`, then what `variable` holds.
    fn search(&self, variable: &str, own: &[PathBuf]) -> Result<OsString> {
        let inherited = std::env::var_os(variable).unwrap_or_default();
        let inherited =
            std::env::split_paths(&inherited).filter(|path| !path.as_os_str().is_empty());
        std::env::join_paths(own.iter().cloned().chain(inherited))
            .with_context(|| format!("failed to set `{variable}`"))
    }

    fn lock(&self) -> Result<Flock<File>> {
        let file = self.folder.join("lock");
        let opened = File::create(&file)
            .with_context(|| format!("failed to create `{}`", file.display()))?;
        Flock::lock(opened, FlockArg::LockExclusive)
            .map_err(|(_, error)| error)
            .with_context(|| format!("failed to lock `{}`", file.display()))
    }
}

/// A daemon with an empty store that ends, and takes its store along, when this value is dropped or the process ends.
pub(crate) struct Running {
    instance: Instance,
    _end: Cleanup,
}

impl Running {
    /// Starts `engine` for `purpose` (a word for the folder's name). Whatever an earlier run has left there goes first.
    pub(crate) fn start(workspace: &Workspace, engine: &str, purpose: &str) -> Result<Self> {
        let name: EngineName = engine.parse()?;
        let folder = format!("{purpose}-{}", name.engine.name);
        let instance = Instance::new(workspace, &name, &folder);
        remove(&instance)?;
        let doomed = instance.clone();
        let end = Cleanup::new(move || remove(&doomed));
        instance.start_for(workspace, Lifetime::WithThisProcess)?;
        Ok(Self {
            instance,
            _end: end,
        })
    }

    /// Runs the docker client with `arguments` and returns what it printed.
    pub(crate) fn docker<const N: usize>(&self, arguments: [&str; N]) -> Result<String> {
        output(self.instance.docker_command().args(arguments))
    }
}

impl std::ops::Deref for Running {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.instance
    }
}

fn remove(instance: &Instance) -> Result<()> {
    instance.stop()?;
    if instance.folder.exists() {
        fs::remove_dir_all(&instance.folder)
            .with_context(|| format!("failed to remove `{}`", instance.folder.display()))?;
    }
    Ok(())
}

fn program_folder(workspace: &Workspace, name: &EngineName) -> PathBuf {
    workspace.cache(Path::new("engines/programs").join(name.engine.name))
}
