//! Running a program as a user or Bazel would.

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::image_files::ImageFiles;
use crate::push_files::PushFiles;

/// Variables of the machine that would change what a program does.
const OF_THE_MACHINE: &[&str] = &[
    "BAZEL_TEST",
    "RUNFILES_DIR",
    "RUNFILES_MANIFEST_FILE",
    "TESTBRIDGE_TEST_ONLY",
    "TEST_SHARD_INDEX",
    "TEST_SHARD_STATUS_FILE",
    "TEST_SRCDIR",
    "TEST_TARGET",
    "TEST_TOTAL_SHARDS",
    "XML_OUTPUT_FILE",
    "BUILD_WORKING_DIRECTORY",
    "CONTAINER_HOST",
    "CONTAINER_SSHKEY",
    "DOCKER_AUTH_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
    "REGISTRY_AUTH_FILE",
    "STEVEDORE_CACHE",
    "STEVEDORE_CREDENTIAL_HELPER",
];

/// A call of the deliver tool.
#[derive(Debug)]
pub struct Program {
    command: Command,
    report: PathBuf,
}

/// How a program ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// The report; `Null` if there is none.
    pub report: Value,
}

impl Program {
    /// A call of `binary` by the name beside which `image`'s delivery file lies, for the engine at `host`.
    ///
    /// # Errors
    /// If the symlink cannot be made.
    pub fn load(binary: &Path, image: &ImageFiles, host: &str) -> io::Result<Self> {
        let program = Self::load_anywhere(binary, image)?;
        Ok(program.arg(format!("--host={host}")))
    }

    /// As [`Program::load`], for an engine that is named by what the test adds to the environment, or by nobody.
    ///
    /// # Errors
    /// If the symlink cannot be made.
    pub fn load_anywhere(binary: &Path, image: &ImageFiles) -> io::Result<Self> {
        Self::at(binary, &image.executable())
    }

    /// A call of `binary` by the name beside which a push's delivery file lies, without the credentials of this machine.
    ///
    /// # Errors
    /// If the symlink cannot be made.
    pub fn push(binary: &Path, files: &PushFiles) -> io::Result<Self> {
        let home = files.home();
        std::fs::create_dir_all(&home)?;
        let mut program = Self::at(binary, &files.executable())?;
        program
            .command
            .env("HOME", &home)
            .env("XDG_RUNTIME_DIR", &home)
            .env_remove("XDG_CONFIG_HOME");
        Ok(program)
    }

    /// A call of `binary` for the blob `digest` of `size` bytes in `repository`, as a build action makes it: nothing of this
    /// machine is in its environment, its home and its report are in `folder`, and so is the file `blob` that it writes.
    ///
    /// # Errors
    /// If the folder cannot be used.
    pub fn fetch(
        binary: &Path,
        folder: &Path,
        repository: &str,
        digest: &str,
        size: u64,
    ) -> io::Result<Self> {
        let mut program = Self::at(binary, &folder.join("stevedore-deliver"))?;
        program.command.env_clear().env("HOME", folder).args([
            "fetch",
            "--label=//app:base",
            "--media-type=application/vnd.oci.image.layer.v1.tar+gzip",
        ]);
        program.command.arg(format!("--digest={digest}"));
        program.command.arg(format!("--size={size}"));
        program.command.arg(format!("--repository={repository}"));
        let output = folder.join("blob");
        Ok(program.arg(format!("--output={}", output.display())))
    }

    /// A call of `binary` for the spec `spec.json` in `folder`, with the program `agent`, as a build action makes it: nothing of
    /// this machine is in its environment, and the files that it writes are in `folder`: `layer.tar` and `layer.json`.
    ///
    /// # Errors
    /// If the folder cannot be used.
    pub fn run_commands(binary: &Path, folder: &Path, agent: &Path) -> io::Result<Self> {
        let mut program = Self::at(binary, &folder.join("stevedore-deliver"))?;
        let flag = |name: &str, path: &Path| format!("--{name}={}", path.display());
        program
            .command
            .env_clear()
            .env("HOME", folder)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .arg("run")
            .arg(flag("spec", &folder.join("spec.json")))
            .arg(flag("agent", agent))
            .arg(flag("tar", &folder.join("layer.tar")))
            .arg(flag("description", &folder.join("layer.json")));
        Ok(program)
    }

    /// A call of `binary` that removes images of tests from the engine at `host`; its report is in `folder`.
    ///
    /// # Errors
    /// If the folder cannot be used.
    pub fn prune(binary: &Path, folder: &Path, host: &str) -> io::Result<Self> {
        let mut program = Self::at(binary, &folder.join("stevedore-deliver"))?;
        program.command.arg("prune");
        Ok(program.arg(format!("--host={host}")))
    }

    fn at(binary: &Path, executable: &Path) -> io::Result<Self> {
        if !executable.is_symlink() {
            // Bazel names the program relative to the folder that its tests start in.
            symlink(std::path::absolute(binary)?, executable)?;
        }
        let report = executable.with_extension("report.json");
        if report.exists() {
            std::fs::remove_file(&report)?;
        }
        let mut command = Command::new(executable);
        for variable in OF_THE_MACHINE {
            command.env_remove(variable);
        }
        command
            .env("STEVEDORE_REPORT", &report)
            .stdin(Stdio::null());
        Ok(Self { command, report })
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Lets it report to this file, so that several calls for the same image do not write to one.
    pub fn reporting_to(mut self, report: &Path) -> Self {
        self.command.env("STEVEDORE_REPORT", report);
        self.report = report.to_owned();
        self
    }

    /// The command, for what is not provided here.
    pub fn command(&mut self) -> &mut Command {
        &mut self.command
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn run(mut self) -> io::Result<Finished> {
        let output = self.command.output()?;
        self.finish(output)
    }

    /// Starts it; the test has time to do something to it.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(&mut self) -> io::Result<Child> {
        self.command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }

    /// How a started one ended.
    ///
    /// # Errors
    /// If its report is no JSON.
    pub fn finish(&self, output: Output) -> io::Result<Finished> {
        let report = match std::fs::read(&self.report) {
            Ok(report) => serde_json::from_slice(&report)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Value::Null,
            Err(error) => return Err(error),
        };
        Ok(Finished {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            report,
        })
    }
}
