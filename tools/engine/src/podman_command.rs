//! The podman command, where there is no service to be asked.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use futures_util::TryStreamExt;
use rustix::process::{kill_process, Pid, Signal};
use serde::de::DeserializeOwned;
use stevedore_image::digest::Digest;
use stevedore_image::platform::Platform;
use stevedore_image::reference::Reference;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};

use crate::address::Address;
use crate::answer::LoadAnswer;
use crate::container_request::ContainerRequest;
use crate::engine::{Archive, Engine, ImageFacts, ImageName, NameRemoval, Tagged};
use crate::error::{Action, Error};
use crate::identity::{EngineKind, Identity};
use crate::message::excerpt;
use crate::podman::{answer, refusal, refused, version, Inspected, Podman};
use stevedore_wire::Traffic;

/// The first version that was tried with directories. Podman 4.3 names such an image after the directory.
const FIRST_WITH_DIRECTORIES: (u64, u64) = (5, 0);

/// What is asked of `podman info`; see [`told`].
const INFO: &str = "--format=podman {{.Version.Version}} {{.Host.OS}}/{{.Host.Arch}}";

/// What podman says of an image that it does not have.
const UNKNOWN: &str = "image not known";

/// The podman command. Every run of it is counted as a request.
pub struct PodmanCommand {
    program: PathBuf,
    address: Address,
    identity: Identity,
    platform: Platform,
    traffic: Traffic,
}

/// A run of the command; one that is dropped is asked to end.
struct Run {
    child: Option<Child>,
}

impl Run {
    async fn finish(mut self) -> io::Result<Output> {
        let Some(child) = &mut self.child else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        tokio::try_join!(read(&mut stdout, &mut out), read(&mut stderr, &mut err))?;
        let status = child.wait().await?;
        self.child = None;
        Ok(Output {
            status,
            stdout: out,
            stderr: err,
        })
    }
}

async fn read(
    from: &mut Option<impl tokio::io::AsyncRead + Unpin>,
    to: &mut Vec<u8>,
) -> io::Result<()> {
    if let Some(from) = from {
        tokio::io::AsyncReadExt::read_to_end(from, to).await?;
    }
    Ok(())
}

impl Drop for Run {
    /// Podman removes its temporary files when it is asked to end, and not when it is killed.
    fn drop(&mut self) {
        let id = self.child.as_ref().and_then(Child::id);
        let id = id.and_then(|id| i32::try_from(id).ok());
        if let Some(id) = id.and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process(id, Signal::TERM);
        }
    }
}

impl PodmanCommand {
    /// Asks the command what it is and where its images run: one run. All later ones are added to `traffic`, too.
    ///
    /// # Errors
    /// If the program cannot be run, is not podman, or cannot use its storage: in a sandbox with a read-only file system the
    /// command is there and of no use.
    pub async fn open(program: PathBuf, traffic: Traffic) -> Result<Self, Error> {
        let mut engine = Self {
            address: Address::PodmanCommand {
                program: program.clone(),
            },
            program,
            identity: Identity {
                kind: EngineKind::Podman,
                version: String::new(),
            },
            platform: Platform::of_this_machine(),
            traffic,
        };
        let action = Action::Detect;
        let output = engine.run(action, ["info", INFO]).await?;
        let printed = String::from_utf8_lossy(&output.stdout);
        match told(&printed) {
            Some((version, platform)) if output.status.success() => {
                engine.identity.version = version.to_owned();
                engine.platform = platform;
                Ok(engine)
            }
            _ => Err(engine.failure(action, &output)),
        }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The platform whose images run there.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The command that runs a container in the foreground, with the standard streams that it is given; its exit code
    /// is the container's.
    pub fn container_command(&self, request: &ContainerRequest) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command.args(["run", "--rm", "--interactive"]);
        if request.terminal {
            command.arg("--tty");
        }
        if let Some(network) = &request.network {
            command.arg(format!("--network={network}"));
        }
        command
            .arg(request.image.to_string())
            .args(&request.arguments);
        command
    }

    async fn run<I: AsRef<OsStr>>(
        &self,
        action: Action,
        arguments: impl IntoIterator<Item = I>,
    ) -> Result<Output, Error> {
        let run = self.start(arguments, Stdio::null())?;
        run.finish()
            .await
            .map_err(|source| self.broken(action, source))
    }

    /// Runs the command for something that it prints as JSON.
    pub(crate) async fn run_for_json<T: DeserializeOwned, I: AsRef<OsStr>>(
        &self,
        action: Action,
        arguments: impl IntoIterator<Item = I>,
    ) -> Result<T, Error> {
        let output = self.run(action, arguments).await?;
        if !output.status.success() {
            return Err(self.failure(action, &output));
        }
        serde_json::from_slice(&output.stdout).map_err(|source| Error::MalformedAnswer {
            action,
            excerpt: excerpt(&output.stdout),
            source,
        })
    }

    fn start<I: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = I>,
        input: Stdio,
    ) -> Result<Run, Error> {
        let child = Command::new(&self.program)
            .args(arguments)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| Error::NoCommand {
                program: self.program.clone(),
                source,
            })?;
        self.traffic.count_request();
        Ok(Run { child: Some(child) })
    }

    fn understand(&self, output: &Output, format: &str) -> LoadAnswer {
        if !output.status.success() {
            return refused(refusal(&complaint(output), format));
        }
        let printed = String::from_utf8_lossy(&output.stdout);
        let names: Vec<&str> = printed
            .lines()
            .filter_map(|line| line.split_once(": ").map(|(_, name)| name))
            .collect();
        answer(&names)
    }

    async fn pass(&self, archive: Archive, mut input: ChildStdin) -> io::Result<()> {
        let mut bytes = archive.bytes;
        while let Some(chunk) = bytes.try_next().await? {
            if input.write_all(&chunk).await.is_err() {
                // It reads no more; why, it tells itself.
                return Ok(());
            }
            self.traffic.count_bytes_sent(chunk.len());
        }
        Ok(())
    }

    fn broken(&self, action: Action, source: io::Error) -> Error {
        Error::CommandStreams {
            action,
            program: self.program.clone(),
            source,
        }
    }

    fn failure(&self, action: Action, output: &Output) -> Error {
        Error::Command {
            action,
            program: self.program.clone(),
            status: output.status,
            message: match complaint(output) {
                message if message.is_empty() => excerpt(&output.stdout),
                message => message,
            },
        }
    }
}

impl Engine for PodmanCommand {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    async fn tag(&self, image: &Digest, reference: &Reference) -> Result<Tagged, Error> {
        let action = Action::Tag;
        let arguments = ["tag".to_owned(), image.to_string(), reference.normalized()];
        let output = self.run(action, arguments).await?;
        match output.status.success() {
            true => Ok(Tagged::Done),
            false if complaint(&output).contains(UNKNOWN) => Ok(Tagged::NoSuchImage),
            false => Err(self.failure(action, &output)),
        }
    }

    async fn inspect(&self, image: ImageName<'_>) -> Result<Option<ImageFacts>, Error> {
        let action = Action::Inspect;
        let output = self
            .run(action, ["image", "inspect", &image.to_string()])
            .await?;
        if !output.status.success() {
            return match complaint(&output).contains(UNKNOWN) {
                true => Ok(None),
                false => Err(self.failure(action, &output)),
            };
        }
        let found: Vec<Inspected> =
            serde_json::from_slice(&output.stdout).map_err(|source| Error::MalformedAnswer {
                action,
                excerpt: excerpt(&output.stdout),
                source,
            })?;
        Ok(found.into_iter().find_map(Inspected::facts))
    }

    async fn remove_image(&self, image: &Digest) -> Result<(), Error> {
        let arguments = ["image", "rm", &image.to_string()];
        // One that is not there, or is in use, is left alone.
        self.run(Action::RemoveImage, arguments).await.map(drop)
    }

    async fn remove_name(&self, name: &Reference) -> Result<NameRemoval, Error> {
        let name = name.normalized();
        let arguments = ["image", "rm", "--no-prune", &name];
        let output = self.run(Action::RemoveName, arguments).await?;
        Ok(match output.status.success() {
            true => NameRemoval::Done,
            false if complaint(&output).contains(UNKNOWN) => NameRemoval::NoSuchName,
            false => NameRemoval::Refused(complaint(&output)),
        })
    }
}

impl Podman for PodmanCommand {
    fn may_load_directories(&self) -> bool {
        version(&self.identity.version) >= Some(FIRST_WITH_DIRECTORIES)
    }

    async fn load(&self, archive: Archive) -> Result<LoadAnswer, Error> {
        let action = Action::Load;
        let mut run = self.start(["load", "--quiet"], Stdio::piped())?;
        let input = run.child.as_mut().and_then(|child| child.stdin.take());
        if let Some(input) = input {
            let passed = self.pass(archive, input).await;
            passed.map_err(|source| self.broken(action, source))?;
        }
        let output = run.finish().await;
        let output = output.map_err(|source| self.broken(action, source))?;
        Ok(self.understand(&output, "oci-archive"))
    }

    async fn load_directory(&self, directory: &Path) -> Result<LoadAnswer, Error> {
        let arguments = [
            OsStr::new("load"),
            OsStr::new("--quiet"),
            OsStr::new("--input"),
            directory.as_os_str(),
        ];
        let output = self.run(Action::Load, arguments).await?;
        Ok(self.understand(&output, "oci"))
    }
}

/// The version and the platform of an answer to [`INFO`].
fn told(printed: &str) -> Option<(&str, Platform)> {
    let (version, platform) = printed.trim().strip_prefix("podman ")?.split_once(' ')?;
    let platform = platform.parse::<Platform>().ok()?;
    Some((version, platform.normalized()))
}

/// What the command says against what it was asked, without the word that begins it.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let (_, text) = text.rsplit_once("Error: ").unwrap_or(("", &text));
    text.trim().to_owned()
}
