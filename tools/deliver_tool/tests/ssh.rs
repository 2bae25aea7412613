//! Engines behind an ssh that leads nowhere; those behind a real one are in `engines/`.
#![allow(clippy::unwrap_used)]

mod case;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use stevedore_testing::Program;

use case::{Case, BINARY};

/// A load through a program that is called `ssh`.
struct SshCase {
    case: Case,
    folder: tempfile::TempDir,
}

impl SshCase {
    fn new() -> Self {
        Self {
            case: Case::new(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// `ssh` is a shell script with this text.
    fn write_ssh(&self, script: &str) {
        let ssh = self.folder.path().join("ssh");
        fs::write(&ssh, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn program(&self) -> Program {
        let host = "ssh://me@there:22/run/docker.sock";
        let mut program = Program::load(Path::new(BINARY), &self.case.image, host).unwrap();
        let path = format!("{}:/usr/bin:/bin", self.folder.path().display());
        program.command().env("PATH", path);
        program
    }
}

#[test]
fn what_ssh_says_is_in_the_error() {
    let ssh = SshCase::new();
    for (script, texts) in [
        (
            "echo 'me@there: Permission denied (publickey).' >&2; exit 255",
            [
                "  me@there: Permission denied (publickey).",
                "ssh -o BatchMode=yes",
            ],
        ),
        (
            "echo 'sh: docker: not found' >&2; exit 127",
            [
                "  sh: docker: not found",
                "no command for `docker --host unix:///run/docker.sock system dial-stdio`",
            ],
        ),
        (
            "echo 'Cannot connect to the Docker daemon' >&2; exit 1",
            [
                "  Cannot connect to the Docker daemon",
                "is the engine there running",
            ],
        ),
        (
            "echo \"$*\" >&2; exit 255",
            ["-T -l me -p 22 -- there docker", "by ssh"],
        ),
        (
            "i=0; while [ $i -lt 100 ]; do echo line $i >&2; i=$((i+1)); done; exit 255",
            ["  line 99", "  line 94"],
        ),
        ("kill -9 $$", ["signal: 9", "before the engine answered"]),
        ("exit 0", ["exit status: 0", "before the engine answered"]),
    ] {
        ssh.write_ssh(script);
        let finished = ssh.program().run().unwrap();
        for text in texts {
            ssh.case.check(&finished, 3, text);
        }
        assert!(!finished.stderr.contains("line 93"), "{}", finished.stderr);
    }
}

#[test]
fn without_ssh_there_is_no_way() {
    let ssh = SshCase::new();
    let mut program = ssh.program();
    program.command().env("PATH", ssh.folder.path());
    let finished = program.run().unwrap();
    ssh.case.check(&finished, 3, "failed to start `ssh`");
}

#[test]
fn a_connection_that_breaks_tells_what_ssh_said() {
    let ssh = SshCase::new();
    // One request is answered, the next one half.
    ssh.write_ssh(
        r#"request() { while read -r line && [ "$line" != "$(printf '\r')" ]; do :; done; }
        request
        printf 'HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nServer: Docker/20.10.0\r\nContent-Length: 0\r\n\r\n'
        request
        printf 'HTTP/1.1 2'
        echo 'Connection to there closed by remote host.' >&2
        exit 255"#,
    );
    let finished = ssh.program().run().unwrap();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    for text in [
        "in the middle of a connection",
        "  Connection to there closed by remote host.",
    ] {
        ssh.case.check(&finished, 1, text);
    }
}

#[test]
fn ssh_ends_with_the_load() {
    let ssh = SshCase::new();
    let pid_file: PathBuf = ssh.folder.path().join("pid");
    ssh.write_ssh(&format!(
        "echo $$ > {}; exec sleep 1000",
        pid_file.display()
    ));
    let mut program = ssh.program();
    let child = program.start().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let pid = loop {
        let pid = fs::read_to_string(&pid_file).unwrap_or_default();
        if pid.ends_with('\n') {
            break pid.trim().to_owned();
        }
        assert!(Instant::now() < deadline, "ssh was not started");
        std::thread::sleep(Duration::from_millis(5));
    };
    let kill = ["-INT".to_owned(), child.id().to_string()];
    assert!(Command::new("kill").args(kill).status().unwrap().success());
    let finished = program.finish(child.wait_with_output().unwrap()).unwrap();
    ssh.case.check(&finished, 130, "interrupted by SIGINT");
    while runs(&pid) {
        assert!(Instant::now() < deadline, "ssh is left behind");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the process runs; one that is dead may wait for its new parent to take note.
fn runs(pid: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = state.rsplit(") ").next().unwrap_or_default();
    !state.is_empty() && !state.starts_with('Z')
}
