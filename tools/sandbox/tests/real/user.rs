//! Who runs a test.

use std::fs;
use std::os::unix::fs::{chown, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use nix::unistd::{setgroups, setresgid, setresuid, Gid, Uid};

/// The flag of a process that runs one test as one user.
pub(crate) const CHILD: &str = "--as";
/// No test takes half as long.
const PATIENCE: Duration = Duration::from_secs(120);
/// It has a name on every machine, without which `newuidmap` does nothing.
const NUMBER: u32 = 65_534;

/// A user of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// The machine's root.
    Root,
    /// One with ranges in `/etc/subuid` and `/etc/subgid`.
    Mapped,
    /// One without.
    Single,
}

impl User {
    pub(crate) const ALL: [Self; 3] = [Self::Root, Self::Mapped, Self::Single];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Mapped => "mapped",
            Self::Single => "single",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|user| user.name() == name)
    }
}

/// Runs a test in a process of its own, whose folders for temporary files are removed with it.
pub(crate) fn start(user: User, name: &str) -> bool {
    let folder = tempfile::Builder::new()
        .prefix("sandbox-test")
        .tempdir()
        .unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // Where it is built, the user could not reach it.
    let program = folder.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let agent = folder.path().join("agent");
    let built =
        std::env::var_os("STEVEDORE_TEST_AGENT").expect("STEVEDORE_TEST_AGENT names the agent");
    fs::copy(built, &agent).unwrap();
    let own = folder.path().join("tmp");
    fs::create_dir(&own).unwrap();
    let mut command = match user {
        User::Mapped => with_ranges(&folder.path().join("ranges"), &program),
        _ => Command::new(&program),
    };
    if user != User::Root {
        chown(&own, Some(NUMBER), Some(NUMBER)).unwrap();
    }
    let started = Instant::now();
    let mut child = command
        .args([CHILD, user.name(), name])
        .env("STEVEDORE_TEST_AGENT", &agent)
        .env("TMPDIR", &own)
        .env("HOME", &own)
        .spawn()
        .unwrap();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        if started.elapsed() > PATIENCE {
            println!("it does not end");
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A mount namespace in which the user has ranges.
fn with_ranges(file: &Path, program: &Path) -> Command {
    fs::write(file, format!("{NUMBER}:200000:65536\n")).unwrap();
    let script =
        "mount --bind \"$0\" /etc/subuid && mount --bind \"$0\" /etc/subgid && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]);
    command.arg(file).arg(program);
    command
}

/// Becomes the user for the rest of this process, and does the work.
pub(crate) fn run_as(user: User, work: impl FnOnce()) -> ExitCode {
    if user != User::Root {
        let (uid, gid) = (Uid::from_raw(NUMBER), Gid::from_raw(NUMBER));
        setgroups(&[]).unwrap();
        setresgid(gid, gid, gid).unwrap();
        setresuid(uid, uid, uid).unwrap();
    }
    work();
    ExitCode::SUCCESS
}
