//! Engines behind TLS and behind ssh, found as the Docker CLI and podman find them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use stevedore_testing::{layer_tar, program_layer, Finished, ImageFiles, LayerFile, Program};

use crate::bench::{with_engines, BINARY};
use crate::listed::{self, Listed};

/// An engine that its variables alone lead to, and images that no other test has.
struct Remote {
    engine: Listed,
    variables: Vec<(String, String)>,
    name: String,
    folder: tempfile::TempDir,
}

impl Remote {
    fn new(engine: &str) -> Self {
        let engine = listed::engine(engine);
        let mut variables = engine.variables.clone();
        variables.push(("DOCKER_HOST".to_owned(), engine.address.clone()));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            engine,
            variables,
            name: format!("stevedore-remote-{}:dev", now.unwrap().as_nanos()),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The engine, found in another way.
    fn found_by(mut self, variables: &[(&str, &str)]) -> Self {
        self.variables = self.engine.variables.clone();
        let tls = |name: &str| name.starts_with("DOCKER_TLS") || name == "DOCKER_CERT_PATH";
        self.variables.retain(|(name, _)| !tls(name));
        for (name, value) in variables {
            self.variables
                .push(((*name).to_owned(), (*value).to_owned()));
        }
        self
    }

    fn image(&self, layers: &[LayerFile]) -> ImageFiles {
        let folder = self.folder.path();
        let environment = format!("NAME={}", self.name);
        ImageFiles::write(folder, layers, &environment, &[&self.name]).unwrap()
    }

    fn tar(&self, content: &str, size: usize) -> LayerFile {
        LayerFile::Tar(layer_tar(&format!("{}-{content}", self.name), size).unwrap())
    }

    fn program(&self, image: &ImageFiles) -> Program {
        let mut program = Program::load_anywhere(Path::new(BINARY), image).unwrap();
        program.command().envs(self.variables.iter().cloned());
        program
    }

    #[track_caller]
    fn loads(&self, image: &ImageFiles, outcome: &str, layers: [usize; 3]) -> Finished {
        let finished = self.program(image).run().unwrap();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert_eq!(finished.report["outcome"], outcome, "{}", finished.stderr);
        let [total, present, sent] = layers;
        let layers = json!({"total": total, "present": present, "sent": sent});
        assert_eq!(finished.report["layers"], layers);
        finished
    }

    /// What a client that has always been there answers in the same surroundings.
    fn client(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(arguments).envs(self.variables.iter().cloned());
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Loads, loads a change, loads again; the Docker CLI sees the same.
    #[track_caller]
    fn is_loaded_incrementally(&self) {
        let base = self.tar("base", 3_000_000);
        let first = self.image(&[base.clone(), self.tar("app", 100_000)]);
        self.loads(&first, "loaded", [2, 0, 2]);
        let changed = self.image(&[base, self.tar("changed", 100_000)]);
        let finished = self.loads(&changed, "loaded", [2, 1, 1]);
        let sent = finished.report["bytes_sent"].as_u64().unwrap();
        assert!((100_000..200_000).contains(&sent), "{sent} bytes sent");
        let finished = self.loads(&changed, "unchanged", [2, 2, 0]);
        let arguments = ["image", "inspect", "--format={{.Id}}", &self.name];
        assert_eq!(
            finished.report["image_id"],
            self.client("docker", &arguments)
        );
        self.client("docker", &["image", "rm", &self.name]);
    }
}

#[test]
fn an_engine_behind_tls_is_loaded_incrementally() {
    Remote::new("docker-28@tls").is_loaded_incrementally();
}

#[test]
fn an_engine_behind_ssh_is_loaded_incrementally() {
    Remote::new("docker-28@ssh").is_loaded_incrementally();
}

#[test]
fn contexts_that_the_docker_cli_has_made_are_used() {
    for name in ["docker-28@tls", "docker-28@ssh"] {
        let remote = Remote::new(name);
        let config = tempfile::tempdir().unwrap();
        let config = config.path().to_str().unwrap();
        let mut endpoint = format!("host={}", remote.engine.address);
        let variables = remote.engine.variables.iter();
        if let Some((_, path)) = variables
            .clone()
            .find(|(name, _)| name == "DOCKER_CERT_PATH")
        {
            endpoint += &format!(",ca={path}/ca.pem,cert={path}/cert.pem,key={path}/key.pem");
        }
        let remote = remote.found_by(&[("DOCKER_CONFIG", config)]);
        let far = ["context", "create", "far", "--docker", &endpoint];
        remote.client("docker", &far);
        remote.client("docker", &["context", "use", "far"]);
        remote.is_loaded_incrementally();
    }
}

#[test]
fn an_engine_behind_tls_refuses_strangers() {
    let remote = Remote::new("docker-28@tls");
    let image = remote.image(&[]);
    let stranger = tempfile::tempdir().unwrap();
    let (_, files) = remote
        .variables
        .iter()
        .find(|(name, _)| name == "DOCKER_CERT_PATH")
        .unwrap();
    fs::copy(
        Path::new(files).join("ca.pem"),
        stranger.path().join("ca.pem"),
    )
    .unwrap();
    let stranger = stranger.path().to_str().unwrap();
    for (variable, value, text) in [
        (
            "DOCKER_CERT_PATH",
            stranger,
            "the server refuses this client's certificate, or wants one",
        ),
        (
            "DOCKER_TLS_VERIFY",
            "",
            "as one does that speaks TLS: set `DOCKER_TLS_VERIFY`",
        ),
    ] {
        let mut program = remote.program(&image);
        program.command().env(variable, value);
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(3), "{}", finished.stderr);
        assert!(finished.stderr.contains(text), "{}", finished.stderr);
    }
}

#[test]
fn a_path_in_an_ssh_address_is_the_socket_over_there() {
    with_engines(
        |name| name == "docker-20" || name == "docker-28-containerd",
        |bench| {
            let ssh = Remote::new("docker-28@ssh");
            let host = format!("{}{}", ssh.engine.address, bench.socket.display());
            ssh.found_by(&[("DOCKER_HOST", &host)])
                .is_loaded_incrementally();
        },
    );
}

#[test]
fn podman_is_reached_by_ssh_too() {
    with_engines(
        |name| name == "podman-5" || name == "podman-4",
        |bench| {
            let ssh = Remote::new("docker-28@ssh");
            let host = format!("{}{}", ssh.engine.address, bench.socket.display());
            let remote = ssh.found_by(&[("CONTAINER_HOST", &host)]);
            let image = remote.image(&[remote.tar("app", 100_000)]);
            let finished = remote.program(&image).run().unwrap();
            assert_eq!(finished.code, Some(0), "{}", finished.stderr);
            assert_eq!(finished.report["destination"]["kind"], "podman");
            remote.loads(&image, "unchanged", [1, 1, 0]);
            bench.api.remove_image(&remote.name).unwrap();
        },
    );
}

#[test]
fn a_container_is_run_through_ssh() {
    let remote = Remote::new("docker-28@ssh");
    let programs = program_layer(&["/bin/sh", "/bin/cat"]).unwrap();
    let image = remote.image(&[LayerFile::Tar(programs)]);
    let mut program = remote.program(&image);
    let script = "cat; echo err >&2; exit 7";
    program
        .command()
        .args(["--run", "--network=none", "--", "/bin/sh", "-c", script]);
    program.command().stdin(std::process::Stdio::piped());
    let mut child = program.start().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"typed\n").unwrap();
    drop(stdin);
    let finished = program.finish(child.wait_with_output().unwrap()).unwrap();
    assert_eq!(finished.code, Some(7), "{}", finished.stderr);
    assert_eq!(finished.stdout, "typed\n");
    assert!(finished.stderr.ends_with("err\n"), "{}", finished.stderr);
    remote.client("docker", &["image", "rm", &remote.name]);
}

#[test]
fn an_upload_through_ssh_that_is_interrupted_leaves_nothing() {
    let remote = Remote::new("docker-28@ssh");
    let image = remote.image(&[remote.tar("large", 200_000_000)]);
    let mut program = remote.program(&image);
    let child = program.start().unwrap();
    let parent = child.id().to_string();
    let deadline = Instant::now() + Duration::from_secs(30);
    while written(&parent) < 20_000_000 {
        assert!(Instant::now() < deadline, "no upload");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(children(&parent), 1, "one ssh, one connection");
    let kill = ["-INT", &parent];
    assert!(Command::new("kill").args(kill).status().unwrap().success());
    let finished = program.finish(child.wait_with_output().unwrap()).unwrap();
    assert_eq!(finished.code, Some(130), "{}", finished.stderr);
    let listed = remote.client("docker", &["image", "ls", "--quiet", &remote.name]);
    assert_eq!(listed, "", "an image has come");
    let port = remote.engine.address.rsplit(':').next().unwrap().to_owned();
    while has_process(&["dial-stdio", &port]) {
        assert!(Instant::now() < deadline, "ssh is left behind");
        std::thread::sleep(Duration::from_millis(50));
    }
    let finished = remote.loads(&image, "loaded", [1, 0, 1]);
    assert!(finished.report["bytes_sent"].as_u64() > Some(200_000_000));
    remote.client("docker", &["image", "rm", &remote.name]);
}

#[test]
fn an_ssh_that_may_not_log_in_is_heard() {
    let remote = Remote::new("docker-28@ssh");
    let image = remote.image(&[]);
    let mut program = remote.program(&image);
    // The ssh of the system, without the keys.
    program
        .command()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", remote.folder.path());
    let finished = program.run().unwrap();
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    for text in [
        "  Host key verification failed.",
        "`ssh` ended (exit status: 255)",
    ] {
        assert!(finished.stderr.contains(text), "{}", finished.stderr);
    }
}

/// The bytes that a process has written.
fn written(pid: &str) -> u64 {
    let figures = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let mut lines = figures.lines();
    let written = lines.find_map(|line| line.strip_prefix("wchar: "));
    written.map_or(0, |written| written.parse().unwrap())
}

/// How many processes this one has started that still run.
fn children(pid: &str) -> usize {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    children.split_whitespace().count()
}

/// Whether there is a process whose command line has all these words in it.
fn has_process(words: &[&str]) -> bool {
    let lines = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|process| {
            let line = fs::read(process.path().join("cmdline")).ok()?;
            Some(String::from_utf8_lossy(&line).into_owned())
        });
    lines
        .into_iter()
        .any(|line| words.iter().all(|word| line.contains(word)))
}
