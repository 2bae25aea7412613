//! A stage, as the process sees it that has started it.

mod mapping;

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use crate::error::Error;
use crate::request::Request;

/// The argument by which a process knows that it is a stage.
pub(crate) const STAGE: &str = "--sandbox-stage";
/// What a stage says as soon as it is in a user namespace.
pub(crate) const UNSHARED: &str = "unshared\n";
/// The longest that it says instead.
const LONGEST: usize = 4096;

/// A sandbox that waits for its job, or is at it. It speaks the agent's protocol.
#[derive(Debug)]
pub struct Container {
    /// Takes the job, a line; when it is closed, the job is not wanted any more: the commands are killed, and everything is
    /// removed.
    pub stdin: ChildStdin,
    /// The verdict, and what was collected.
    pub stdout: ChildStdout,
    /// What the commands say.
    pub stderr: ChildStderr,
    /// The stage.
    pub process: Process,
}

/// The process behind a [`Container`].
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Waits until the stage has ended: everything is removed then.
    ///
    /// # Errors
    /// If the machine cannot tell.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.0.wait().await
    }

    /// Ends the stage by force, and so the commands; what it has on disk is left for the next one to remove. To be used on
    /// a stage that does not end after its standard input was closed.
    ///
    /// # Errors
    /// If the machine does not let it.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.0.kill().await
    }
}

/// Starts a sandbox. `program` is one that calls [`crate::stage_if_asked`], as a rule this one itself.
///
/// # Errors
/// If no namespaces can be had. What is wrong with the request is told in the verdict.
pub async fn start(program: &Path, request: &Request) -> Result<Container, Error> {
    if !cfg!(target_os = "linux") {
        return Err(Error::NotLinux);
    }
    let is_root = rustix::process::geteuid().is_root();
    let mut child = spawn(program, is_root)?;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(mut stdout), Some(stderr)) = pipes else {
        let source = io::Error::other("it has no pipes");
        return Err(Error::Ended { source });
    };
    if !is_root {
        wait_for_namespace(&mut stdout).await?;
        mapping::map_users(child.id().unwrap_or_default()).await?;
    }
    let mut line = serde_json::to_vec(request).map_err(|error| Error::Ended {
        source: error.into(),
    })?;
    line.push(b'\n');
    let sent = stdin.write_all(&line).await;
    sent.map_err(|source| Error::Ended { source })?;
    Ok(Container {
        stdin,
        stdout,
        stderr,
        process: Process(child),
    })
}

fn spawn(program: &Path, is_root: bool) -> Result<Child, Error> {
    let mut command = Command::new(program);
    command
        .arg(STAGE)
        .arg(if is_root { "root" } else { "user" })
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // What a terminal sends is for the process that was started there; it tells the stage in its own way.
        .process_group(0);
    command.spawn().map_err(|source| Error::Start {
        program: program.to_owned(),
        source,
    })
}

/// Reads what the stage says of its attempt at a user namespace.
async fn wait_for_namespace(stdout: &mut ChildStdout) -> Result<(), Error> {
    let mut said = Vec::new();
    // Byte by byte: what comes after the line is somebody else's.
    while !said.ends_with(b"\n") && said.len() < LONGEST {
        let byte = stdout.read_u8().await;
        said.push(byte.map_err(|source| Error::Ended { source })?);
    }
    let said = String::from_utf8_lossy(&said);
    match said == UNSHARED {
        true => Ok(()),
        false => Err(Error::NoUserNamespace {
            reason: said.trim_end().to_owned(),
        }),
    }
}
