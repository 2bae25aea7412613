//! Many loads of one image at once: one of them sends it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use stevedore_testing::{Finished, ImageFiles, Program};

use crate::bench::{with_engines, Bench, BINARY};
use crate::node::with_nodes;

/// A machine with tests that run side by side.
const PROCESSES: usize = 8;

/// Mounts what a load needs below `/mnt`, so that it is there with another `/tmp`, as in Bazel's sandbox. Arguments: the
/// folder with the image's files, the binary, the engine's socket, and those of the load.
const SANDBOX: &str = r#"set -e
mount --make-rprivate /
mount --bind "$1" /mnt
mount --bind "$2" /mnt/sandboxed
mount --bind "$3" /mnt/engine.sock
shift 3
mount -t tmpfs tmpfs /tmp
exec /mnt/sandboxed "$@"
"#;

/// Runs what `program` gives for each number at the same time.
fn run_all(mut programs: Vec<Program>) -> Vec<Finished> {
    let children: Vec<Child> = programs
        .iter_mut()
        .map(|program| program.start().unwrap())
        .collect();
    let outputs = children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap());
    programs
        .iter()
        .zip(outputs)
        .map(|(program, output)| program.finish(output).unwrap())
        .collect()
}

/// All succeeded, and together they have sent the image once.
#[track_caller]
fn sent_once(bench: &Bench, image: &ImageFiles, all: &[Finished]) {
    for finished in all {
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    }
    let loaded: Vec<_> = all
        .iter()
        .filter(|finished| finished.report["outcome"] == "loaded")
        .collect();
    let sent: u64 = loaded
        .iter()
        .map(|finished| finished.report["layers"]["sent"].as_u64().unwrap())
        .sum();
    match &loaded[..] {
        [one] if bench.reads_from_disk(one) => {}
        _ => assert_eq!(sent, image.diff_ids.len() as u64, "{all:?}"),
    }
    let layers = bench.api.image_layers(&bench.image_name()).unwrap();
    assert_eq!(layers, serde_json::json!(image.diff_ids));
}

fn image(bench: &Bench, environment: &str) -> ImageFiles {
    let layers = [
        bench.tar(&format!("base-{environment}"), 12_000_000),
        bench.tar(&format!("app-{environment}"), 8_000_000),
    ];
    bench.image(&layers, environment)
}

#[test]
fn eight_loads_of_one_image_send_it_once() {
    with_engines(
        |name| !name.contains('@'),
        |bench| {
            let one = image(bench, "A=one");
            let started = Instant::now();
            let alone = bench.load(&one);
            assert_eq!(alone.code, Some(0), "{}", alone.stderr);
            let alone = started.elapsed();
            let image = image(bench, "A=many");
            let programs = (0..PROCESSES).map(|number| {
                let program = Program::load(Path::new(BINARY), &image, &bench.host()).unwrap();
                program.reporting_to(&image.file(&format!("{number}.report.json")))
            });
            let programs = programs.collect();
            let started = Instant::now();
            let all = run_all(programs);
            eprintln!(
                "one load: {alone:?}; {PROCESSES} at once: {:?}",
                started.elapsed()
            );
            sent_once(bench, &image, &all);
        },
    );
}

#[test]
fn eight_loads_into_containerd_send_an_image_once() {
    with_nodes(|node| {
        let layers = [node.tar("base", 12_000_000), node.tar("app", 8_000_000)];
        let image = node.image(&layers, "A=many");
        let programs = (0..PROCESSES).map(|number| {
            let report = image.file(&format!("{number}.report.json"));
            node.program(&image).reporting_to(&report)
        });
        let all = run_all(programs.collect());
        for finished in &all {
            assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        }
        let sent = all
            .iter()
            .map(|finished| finished.report["layers"]["sent"].as_u64().unwrap());
        assert_eq!(sent.sum::<u64>(), 2, "{all:?}");
        node.has(&node.image_name(), &image);
    });
}

/// As two machines would do it, which cannot share a lock.
#[test]
fn two_uploads_at_once_are_right_too() {
    with_engines(
        |name| !name.contains('@'),
        |bench| {
            let image = image(bench, "A=twice");
            let programs = ["one", "two"].map(|name| {
                let mut program = Program::load(Path::new(BINARY), &image, &bench.host()).unwrap();
                program.command().env("STEVEDORE_LOCK_DIR", "/nonexistent");
                program.reporting_to(&image.file(name))
            });
            for finished in run_all(programs.into()) {
                assert_eq!(finished.code, Some(0), "{}", finished.stderr);
            }
            let layers = bench.api.image_layers(&bench.image_name()).unwrap();
            assert_eq!(layers, serde_json::json!(image.diff_ids));
            let again = bench.load(&image);
            assert_eq!(again.report["outcome"], "unchanged", "{}", again.stderr);
        },
    );
}

#[test]
fn loads_in_sandboxes_with_a_private_tmp_send_an_image_once() {
    with_engines(
        |name| !name.contains('@'),
        |bench| {
            let image = image(bench, "A=sandboxed");
            let folder = image.executable();
            let folder = folder.parent().unwrap();
            std::fs::copy(
                folder.join("load.delivery.json"),
                folder.join("sandboxed.delivery.json"),
            )
            .unwrap();
            for mounted in ["sandboxed", "engine.sock"] {
                std::fs::write(folder.join(mounted), "").unwrap();
            }
            let children: Vec<Child> = (0..PROCESSES)
                .map(|number| sandboxed(bench, folder, number))
                .collect();
            let all: Vec<Finished> = children
                .into_iter()
                .enumerate()
                .map(|(number, child)| finish(folder, number, child))
                .collect();
            sent_once(bench, &image, &all);
        },
    );
}

/// Starts a load that has a `/tmp` of its own and sees the engine's socket under another path.
fn sandboxed(bench: &Bench, folder: &Path, number: usize) -> Child {
    let binary = std::path::absolute(BINARY).unwrap();
    Command::new("unshare")
        .args(["--mount", "sh", "-c", SANDBOX, "sandbox"])
        .args([folder, &binary, &bench.socket])
        .args(["--host=/mnt/engine.sock".to_owned(), report_flag(number)])
        .env("RUNFILES_DIR", "/mnt/load.runfiles")
        .env_remove("TMPDIR")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn report_flag(number: usize) -> String {
    format!("--report=/mnt/{number}.report.json")
}

fn finish(folder: &Path, number: usize, child: Child) -> Finished {
    let output = child.wait_with_output().unwrap();
    let report = std::fs::read(folder.join(format!("{number}.report.json")));
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        report: serde_json::from_slice(&report.unwrap_or_default()).unwrap_or_default(),
    }
}
