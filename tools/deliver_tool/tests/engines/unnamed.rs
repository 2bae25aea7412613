//! Engines that nobody has named, where they usually are: in a `/run` of the test's own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use stevedore_testing::{FakeDocker, Finished, ImageFiles, Personality, Program};

use crate::bench::BINARY;

/// A machine as far as a search for engines sees it, whose user is `nobody`.
struct Machine {
    /// The home of the user, and of what is linked into `/run`.
    folder: tempfile::TempDir,
    image: ImageFiles,
    /// Shell commands, as root, that fill `/run`.
    run: String,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        open_to_all(folder.path());
        let image = ImageFiles::write(folder.path(), &[], "A=1", &["app:dev"]).unwrap();
        Self {
            folder,
            image,
            run: "mkdir -p /run/user/65534 /run/podman".to_owned(),
        }
    }

    /// At `path` there is `engine`.
    fn link(&mut self, path: &str, engine: &FakeDocker) {
        open_to_all(engine.socket().parent().unwrap());
        fs::set_permissions(engine.socket(), fs::Permissions::from_mode(0o777)).unwrap();
        self.prepare(&format!("ln -s {} {path}", engine.socket().display()));
    }

    fn prepare(&mut self, command: &str) {
        self.run += &format!(" && {command}");
    }

    fn load(&self) -> Finished {
        let program = Program::load_anywhere(Path::new(BINARY), &self.image).unwrap();
        let executable = self.folder.path().join("program");
        // Where it was built, this user may not go.
        fs::copy(BINARY, &executable).unwrap();
        let delivery = self.image.executable().with_extension("delivery.json");
        let script = format!(
            "mount -t tmpfs none /run && {} && PATH=/none exec /usr/bin/setpriv --reuid=65534 --regid=65534 \
             --clear-groups \"$0\" \"$@\" --verbose",
            self.run
        );
        let output = Command::new("unshare")
            .args(["--mount", "--propagation=private", "sh", "-c", &script])
            .arg(&executable)
            .args(["load", &format!("--delivery={}", delivery.display())])
            .env_clear()
            .env(
                "RUNFILES_DIR",
                self.image.executable().with_extension("runfiles"),
            )
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.folder.path())
            .env(
                "STEVEDORE_REPORT",
                self.image.executable().with_extension("report.json"),
            )
            .output()
            .unwrap();
        program.finish(output).unwrap()
    }

    #[track_caller]
    fn uses(&self, address: &str, engine: &FakeDocker) -> Finished {
        let finished = self.load();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let using =
            format!("using `{address}`: docker 28.5.2, the first that answers; none was named");
        assert!(finished.stderr.contains(&using), "{}", finished.stderr);
        assert!(engine.store().name("app:dev").is_some());
        finished
    }
}

fn open_to_all(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
}

fn engine() -> FakeDocker {
    FakeDocker::start(Personality::DOCKER_28).unwrap()
}

#[test]
fn the_first_place_with_an_engine_is_taken() {
    let (podman, rootless, docker) = (engine(), engine(), engine());
    let mut machine = Machine::new();
    machine.link("/run/podman/podman.sock", &podman);
    machine.uses("unix:///run/podman/podman.sock", &podman);
    machine.link("/run/user/65534/docker.sock", &rootless);
    machine.uses("unix:///run/user/65534/docker.sock", &rootless);
    machine.link("/run/docker.sock", &docker);
    machine.uses("unix:///var/run/docker.sock", &docker);
}

#[test]
fn one_that_may_not_be_used_is_passed_over_with_a_warning() {
    let (rootless, docker) = (engine(), engine());
    let mut machine = Machine::new();
    machine.link("/run/docker.sock", &docker);
    machine.link("/run/user/65534/docker.sock", &rootless);
    fs::set_permissions(docker.socket(), fs::Permissions::from_mode(0o600)).unwrap();
    let finished = machine.uses("unix:///run/user/65534/docker.sock", &rootless);
    let warning = "warning: `unix:///var/run/docker.sock` (Docker) is not used: no permission";
    assert!(finished.stderr.contains(warning), "{}", finished.stderr);
}

#[test]
fn one_that_never_answers_is_passed_over() {
    let docker = engine();
    let mut machine = Machine::new();
    let hung: PathBuf = machine.folder.path().join("hung.sock");
    let _listener = UnixListener::bind(&hung).unwrap();
    fs::set_permissions(&hung, fs::Permissions::from_mode(0o777)).unwrap();
    machine.prepare(&format!("ln -s {} /run/docker.sock", hung.display()));
    machine.link("/run/user/65534/docker.sock", &docker);
    machine.uses("unix:///run/user/65534/docker.sock", &docker);
}

#[test]
fn if_there_is_none_every_place_is_listed_with_its_reason() {
    let mut machine = Machine::new();
    machine.prepare("chmod 0700 /run/podman");
    let finished = machine.load();
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    let home = machine.folder.path().display().to_string();
    for line in [
        "caused by: no container engine answers; start one, or name it with `--host`, `DOCKER_HOST`",
        "  `unix:///var/run/docker.sock` (Docker): no such file\n",
        "  `unix:///run/user/65534/docker.sock` (rootless Docker): no such file\n",
        &format!("  `unix://{home}/.docker/run/docker.sock` (Docker Desktop): no such file\n"),
        "  `unix:///run/user/65534/podman/podman.sock` (rootless podman): no such file\n",
        "  `unix:///run/podman/podman.sock` (podman): no permission",
        "  `podman:` (the podman command): ",
    ] {
        assert!(finished.stderr.contains(line), "no `{line}` in: {}", finished.stderr);
    }
    assert_eq!(finished.report["destination"], serde_json::Value::Null);
    assert_eq!(finished.report["requests"], 0);
}
