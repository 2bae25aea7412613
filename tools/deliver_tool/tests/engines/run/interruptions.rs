//! Runs that are interrupted, that crash, and that disturb each other.

use std::io::Read;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use stevedore_testing::Program;

use super::job::Job;
use super::runners::{is_plain, with_runners, Runner};

/// A run that waits, as soon as its command has said so.
fn waiting(job: &Job) -> (Program, Child) {
    let mut program = job.program();
    let mut child = program.start().unwrap();
    let mut ready = [0; 6];
    if child
        .stderr
        .as_mut()
        .unwrap()
        .read_exact(&mut ready)
        .is_err()
    {
        let finished = program.finish(child.wait_with_output().unwrap()).unwrap();
        panic!("it has ended: {}", finished.stderr);
    }
    assert_eq!(&ready, b"ready\n");
    (program, child)
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

fn endless(runner: &Runner) -> Job {
    let job = runner.job(&["echo ready; while :; do sleep 1; done"]);
    let file = job.write("input/file", "x");
    let inputs = json!([{"target": "/in", "entries": [{"path": "file", "source": file}]}]);
    job.with("inputs", inputs)
}

#[test]
fn whoever_interrupts_it_finds_nothing() {
    with_runners(is_plain, |runner| {
        for (name, code) in [("-INT", 130), ("-TERM", 143)] {
            let job = endless(runner);
            let (program, child) = waiting(&job);
            assert!(
                runner.host.is_none() || !runner.left().is_empty(),
                "{}",
                runner.name
            );
            let start = Instant::now();
            signal(&child, name);
            let finished = program.finish(child.wait_with_output().unwrap()).unwrap();
            assert_eq!(
                finished.code,
                Some(code),
                "{}: {}",
                runner.name,
                finished.stderr
            );
            assert!(start.elapsed() < Duration::from_secs(15), "{}", runner.name);
            assert_eq!(runner.left(), [""; 0], "{}", runner.name);
        }
    });
}

#[test]
fn what_a_crash_has_left_goes_with_the_next_run() {
    with_runners(is_plain, |runner| {
        let job = endless(runner);
        let (_, mut child) = waiting(&job);
        signal(&child, "-KILL");
        child.wait().unwrap();
        runner.job(&["echo > /opt/x"]).makes_layer();
        runner.is_clean();
    });
}

#[test]
fn a_run_that_lives_is_not_disturbed_by_another() {
    with_runners(is_plain, |runner| {
        let job = runner.job(&["echo ready; sleep 3; echo > /opt/x"]);
        let (program, child) = waiting(&job);
        runner.job(&["echo > /opt/y"]).makes_layer();
        let finished = program.finish(child.wait_with_output().unwrap()).unwrap();
        assert_eq!(
            job.layer(&finished).names(),
            ["opt/", "opt/x"],
            "{}",
            runner.name
        );
    });
}

#[test]
fn six_at_once_do_not_disturb_each_other() {
    with_runners(is_plain, |runner| {
        thread::scope(|scope| {
            for number in 0..6 {
                scope.spawn(move || {
                    let command =
                        format!("echo {number} > /opt/number; sleep 1; mkdir /opt/{number}");
                    let layer = runner.job(&[&command]).makes_layer();
                    let folder = format!("opt/{number}/");
                    assert_eq!(
                        layer.names(),
                        ["opt/", &folder, "opt/number"],
                        "{}",
                        runner.name
                    );
                    assert_eq!(layer.entry("opt/number")["content"], format!("{number}\n"));
                });
            }
        });
    });
}
