//! What goes wrong, and that nothing of it moves a name or ends with exit code 0.
#![allow(clippy::unwrap_used)]

mod case;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use stevedore_image::compression::Compression;
use stevedore_testing::{layer_tar, Fault, Finished, LayerFile, Program};

use case::{Case, BINARY, LAYER};

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
    let layers = ["a", "b", "c", "d", "e", "f", "g"];
    let layers = layers.map(|name| LayerFile::Tar(layer_tar(name, 1000).unwrap()));
    let case = Case::with(&layers);
    assert_eq!(case.program().run().unwrap().code, Some(0));
    let below = case.image.diff_ids.len() - 1;
    case.docker.change_store(|store| {
        store.prune(below);
        store.set_name("app:dev", case::old());
    });
    case.docker.inject(Fault::LosesOneMore);
    case.fails(1, "the engine lost layers of `//app:image` 4 times");
}

#[test]
fn a_missing_file_that_is_no_layer() {
    let case = Case::new();
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
        case.sees_an_upload_break();
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
        (&["--host=sftp://me@there"], "`sftp` is not supported"),
        (&["--host=containerd:///run/c.sock"], "`k8s.io`"),
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
