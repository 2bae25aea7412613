//! What goes wrong, and that nothing of it moves a name or ends with exit code 0.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use stevedore_image::compression::Compression;
use stevedore_image::digest::Digest;
use stevedore_testing::{
    layer_tar, FakeDocker, Fault, Finished, ImageFiles, LayerFile, Personality, Program,
};

const BINARY: &str = env!("CARGO_BIN_EXE_stevedore-deliver");
const LAYER: usize = 3_000_000;

/// A fake engine that has another image of the name `app:dev`, and an image to be loaded.
struct Case {
    docker: FakeDocker,
    image: ImageFiles,
    _directory: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        Self::with(&[LayerFile::Tar(layer_tar("base", LAYER).unwrap())])
    }

    fn with(layers: &[LayerFile]) -> Self {
        Self::of(layers, Personality::DOCKER_28)
    }

    fn of(layers: &[LayerFile], personality: Personality) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let docker = FakeDocker::start(personality).unwrap();
        docker.change_store(|store| store.set_name("app:dev", old()));
        Self {
            docker,
            image: ImageFiles::write(directory.path(), layers, "A=1", &["app:dev"]).unwrap(),
            _directory: directory,
        }
    }

    fn program(&self) -> Program {
        Program::load(Path::new(BINARY), &self.image, &self.docker.host()).unwrap()
    }

    /// Loads; that must fail with this exit code and this text, and change nothing.
    #[track_caller]
    fn fails(&self, code: i32, text: &str) -> Finished {
        let finished = self.program().run().unwrap();
        self.check(&finished, code, text);
        finished
    }

    #[track_caller]
    fn check(&self, finished: &Finished, code: i32, text: &str) {
        assert_eq!(finished.code, Some(code), "{}", finished.stderr);
        assert!(
            finished.stderr.contains(text),
            "no `{text}` in: {}",
            finished.stderr
        );
        assert!(
            finished
                .stderr
                .contains("`//app:load` failed to load `//app:image`"),
            "{}",
            finished.stderr
        );
        assert_eq!(finished.stdout, "");
        assert_eq!(finished.report["outcome"], "failed");
        let error = finished.report["error"].as_str().unwrap_or_default();
        assert!(error.contains(text), "no `{text}` in the report: {error}");
        let store = self.docker.store();
        assert_eq!(store.name("app:dev"), Some(old()), "a name has moved");
        assert_eq!(store.image_count(), 0, "an image has come");
    }
}

fn old() -> Digest {
    Digest::of(b"an older image")
}

#[test]
fn no_daemon() {
    let case = Case::new();
    for host in ["unix:///nonexistent/docker.sock", "tcp://127.0.0.1:1"] {
        let finished = Program::load(Path::new(BINARY), &case.image, host)
            .unwrap()
            .run()
            .unwrap();
        case.check(
            &finished,
            3,
            &format!("no container engine listens at `{host}`"),
        );
        assert_eq!(finished.report["destination"], serde_json::Value::Null);
    }
}

#[test]
fn a_socket_without_a_listener() {
    let case = Case::new();
    let socket = case.image.file("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let host = socket.display().to_string();
    let finished = Program::load(Path::new(BINARY), &case.image, &host)
        .unwrap()
        .run()
        .unwrap();
    case.check(&finished, 3, "no container engine listens at");
}

#[test]
fn no_permission() {
    let case = Case::new();
    let directory = case.docker.socket().parent().unwrap();
    let finished = if is_root() {
        set_mode(directory, 0o755);
        set_mode(case.docker.socket(), 0o600);
        load_as_nobody(&case, directory)
    } else {
        set_mode(case.docker.socket(), 0o000);
        case.program().run().unwrap()
    };
    case.check(&finished, 3, "usermod -aG docker");
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Root may do everything, so somebody else has to try; `place` is a directory that everybody can enter.
fn load_as_nobody(case: &Case, place: &Path) -> Finished {
    let program = case.program();
    let copy = place.join("stevedore-deliver");
    fs::copy(BINARY, &copy).unwrap();
    let executable = case.image.executable();
    set_mode(executable.parent().unwrap(), 0o777);
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&copy)
        .arg("load")
        .arg(format!("--delivery={}.delivery.json", executable.display()))
        .arg(format!("--host={}", case.docker.host()))
        .env("RUNFILES_DIR", executable.with_extension("runfiles"))
        .env("STEVEDORE_REPORT", executable.with_extension("report.json"))
        .output()
        .unwrap();
    program.finish(output).unwrap()
}

#[test]
fn a_daemon_that_answers_500() {
    let case = Case::new();
    for (path, action) in [
        ("", "failed to detect the engine: the engine answered 500"),
        (
            "/tag",
            "failed to tag the image: the engine answered 500: broken inside",
        ),
        (
            "/load",
            "failed to load the image: the engine answered 500: broken inside",
        ),
    ] {
        let body = r#"{"message":"broken inside"}"#;
        case.docker.inject(Fault::Status {
            path,
            status: 500,
            body,
        });
        case.fails(1, action);
    }
}

#[test]
fn what_listens_is_no_engine() {
    let personality = Personality {
        server: "nginx",
        api_version: "",
    };
    Case::of(&[], personality).fails(3, "is no container engine");
    let personality = Personality {
        server: "Docker/1.12",
        api_version: "1.24",
    };
    Case::of(&[], personality).fails(3, "speaks API 1.24");
}

#[test]
fn a_daemon_that_closes_in_the_middle() {
    let case = Case::new();
    case.docker.inject(Fault::CloseAfter { bytes: 1_000_000 });
    case.fails(1, "failed to load the image: the connection to");
}

#[test]
fn a_daemon_whose_disk_is_full_answers_before_it_has_read_all() {
    let case = Case::with(&[LayerFile::Tar(layer_tar("base", 20_000_000).unwrap())]);
    case.docker
        .inject(Fault::DiskFullAfter { bytes: 1_000_000 });
    let finished = case.fails(1, "its disk is full");
    assert!(
        finished.stderr.contains("no space left on device"),
        "{}",
        finished.stderr
    );
}

#[test]
fn streams_that_make_no_sense() {
    let case = Case::new();
    for (body, text) in [
        ("<html>", "malformed at `<html>`"),
        ("{\"stream\":\"a\"}\r\n{\"stre", "malformed at"),
        ("", "reported success but has no image"),
        (
            "{\"errorDetail\":{\"message\":\"no such luck\"},\"error\":\"no such luck\"}",
            "no such luck",
        ),
    ] {
        case.docker.inject(Fault::LoadAnswer { body });
        case.fails(1, text);
    }
}

#[test]
fn another_image_than_the_one_that_was_sent() {
    let case = Case::new();
    case.docker.inject(Fault::WrongId);
    case.fails(1, &format!("expected `{}`", case.image.id));
}

#[test]
fn an_engine_that_keeps_losing_layers() {
    let layers = ["a", "b", "c"].map(|name| LayerFile::Tar(layer_tar(name, 1000).unwrap()));
    let case = Case::with(&layers);
    case.docker.inject(Fault::LoadAnswer {
        body: "{\"error\":\"open /docker-import-1/x: no such file or directory\"}",
    });
    case.fails(1, "no such file or directory");
}

#[test]
fn a_layer_file_that_is_missing_or_has_another_size() {
    let case = Case::new();
    let tar = case.image.tar(0);
    let file = fs::OpenOptions::new().write(true).open(&tar).unwrap();
    file.set_len(1000).unwrap();
    case.fails(4, "0.tar` has 1000 bytes, expected");
    fs::remove_file(&tar).unwrap();
    case.fails(4, "runfile `_main/0.tar` is missing");
}

#[test]
fn a_layer_file_whose_bytes_have_changed() {
    let case = Case::new();
    let mut tar = fs::read(case.image.tar(0)).unwrap();
    tar[LAYER / 2] ^= 1;
    fs::write(case.image.tar(0), tar).unwrap();
    case.fails(1, "a layer's file has changed since it was built");
}

#[test]
fn a_blob_that_is_corrupt() {
    for compression in [Compression::Gzip, Compression::Zstd] {
        let case = Case::with(&[LayerFile::Blob(
            layer_tar("base", LAYER).unwrap(),
            compression,
        )]);
        let blobs = case.image.file("base/blobs/sha256");
        let blob = fs::read_dir(blobs).unwrap().next().unwrap().unwrap().path();
        let good = fs::read(&blob).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 0x55;
        fs::write(&blob, &bad).unwrap();
        case.fails(4, "a layer of `//app:image` cannot be sent");
        let uploads = case.docker.take_requests();
        assert!(
            uploads.last().is_some_and(|upload| !upload.complete),
            "{uploads:?}"
        );
        fs::write(&blob, &good[..good.len() - 1]).unwrap();
        case.fails(4, "truncated or changed");
    }
}

#[test]
fn metadata_that_does_not_fit() {
    let case = Case::new();
    let config = case.image.file("config.json");
    let description = case.image.file("description.json");
    let (good_config, good_description) =
        (fs::read(&config).unwrap(), fs::read(&description).unwrap());
    fs::write(&config, "{}").unwrap();
    case.fails(4, "config.json` of `//app:image` has the digest");
    fs::write(&config, good_config).unwrap();
    fs::write(&description, "[]").unwrap();
    case.fails(4, "description.json`");
    fs::write(&description, good_description).unwrap();
    fs::write(case.image.file("tags"), "App:dev").unwrap();
    case.fails(4, "line 1 of the tags file");
}

#[test]
fn command_lines_that_make_no_sense() {
    let case = Case::new();
    for (arguments, text) in [
        (&["--tag=UPPER"][..], "UPPER"),
        (&["--", "x"], "add `--run`"),
        (&["--nonsense"], "--nonsense"),
        (&["--host=ssh://me@there"], "`ssh` is not supported"),
    ] {
        let mut program = Program::load(Path::new(BINARY), &case.image, "").unwrap();
        program.command().args(arguments);
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(2), "{}", finished.stderr);
        assert!(finished.stderr.contains(text), "{}", finished.stderr);
    }
}

/// Starts an upload that takes long, sends `signal` in the middle of it, and tells how that ended.
fn interrupt(case: &Case, signal: &str) -> Finished {
    case.docker.inject(Fault::SlowReading {
        pause: Duration::from_millis(50),
    });
    let mut program = case.program();
    let child = program.start().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    // The probe is answered; then the upload has begun.
    while case
        .docker
        .take_requests()
        .iter()
        .all(|request| request.body_bytes == 0)
    {
        assert!(Instant::now() < deadline, "no upload");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(200));
    let pid = child.id().to_string();
    assert!(Command::new("kill")
        .args([signal, &pid])
        .status()
        .unwrap()
        .success());
    let sent = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(sent.elapsed() < Duration::from_secs(2), "it took its time");
    program.finish(output).unwrap()
}

#[test]
fn signals_in_the_middle_of_an_upload() {
    let case = Case::with(&[LayerFile::Tar(layer_tar("base", 20_000_000).unwrap())]);
    for (signal, code, name) in [
        ("-INT", 130, "SIGINT"),
        ("-TERM", 143, "SIGTERM"),
        ("-HUP", 129, "SIGHUP"),
    ] {
        let finished = interrupt(&case, signal);
        case.check(&finished, code, &format!("interrupted by {name}"));
    }
    case.docker.mend();
    assert_eq!(
        case.program().run().unwrap().code,
        Some(0),
        "the next one succeeds"
    );
}

#[test]
fn a_report_that_cannot_be_written() {
    let case = Case::new();
    let program = case.program().arg("--report=/nonexistent/report.json");
    let finished = program.run().unwrap();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(
        finished
            .stderr
            .contains("failed to write the report `/nonexistent/report.json`"),
        "{}",
        finished.stderr
    );
}
