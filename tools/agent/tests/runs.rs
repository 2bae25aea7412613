//! How commands run, in real namespaces over a real overlay.
#![allow(clippy::unwrap_used)]

mod container;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{symlink, PermissionsExt};
use std::process::{Command, Stdio};

use base64::prelude::{Engine as _, BASE64_STANDARD};
use stevedore_agent::{Collect, Ending, Job, PlacedInput, Secret, Stream, Verdict};

use container::{shell, Container};

fn quiet(scripts: &[&str]) -> Job {
    let collect = Collect::Nothing;
    Job {
        collect,
        ..shell(scripts)
    }
}

/// Whether a process runs that has `word` in its command line.
fn runs(word: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.any(|line| String::from_utf8_lossy(&line).contains(word))
}

fn refusal(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Refused { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn commands_run_in_turn_and_both_streams_are_shown() {
    let outcome = Container::new().run(&quiet(&[
        "echo one",
        "echo two >&2; cat",
        r#"echo '"$x"\'"#,
    ]));
    assert_eq!(outcome.verdict, Verdict::Done);
    assert_eq!(outcome.output, "one\ntwo\n\"$x\"\\\n");
    assert_eq!((outcome.code, outcome.tar.len()), (Some(0), 0));
}

#[test]
fn output_that_is_asked_for_comes_apart_and_before_the_verdict() {
    let job = Job {
        collect: Collect::Output,
        ..shell(&["echo one; echo two >&2; (sleep 60; echo late) & printf three; exit 4"])
    };
    let outcome = Container::new().run(&job);
    assert_eq!(outcome.output, "");
    let first = serde_json::to_vec(&outcome.verdict).unwrap();
    let answer = [&first[..], b"\n", &outcome.tar].concat();
    let lines = answer.split_inclusive(|byte| *byte == b'\n');
    let mut lines: Vec<Verdict> = lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let ending = Ending::Code(4);
    let last = lines.pop();
    assert_eq!(last, Some(Verdict::Failed { command: 0, ending }));
    let printed = |wanted| -> Vec<u8> {
        let texts = lines.iter().filter_map(|line| match line {
            Verdict::Printed { stream, bytes } if *stream == wanted => {
                Some(BASE64_STANDARD.decode(bytes).unwrap())
            }
            _ => None,
        });
        texts.flatten().collect()
    };
    assert_eq!(printed(Stream::Stdout), b"one\nthree");
    assert_eq!(printed(Stream::Stderr), b"two\n");
}

#[test]
fn the_first_command_that_fails_is_the_last() {
    let outcome = Container::new().run(&quiet(&["true", "echo bad; false; echo on", "echo later"]));
    let ending = Ending::Code(1);
    assert_eq!(outcome.verdict, Verdict::Failed { command: 1, ending });
    assert_eq!(outcome.output, "bad\n");
    assert_eq!(outcome.code, Some(1));
}

#[test]
fn a_command_that_is_killed_names_the_signal() {
    let outcome = Container::new().run(&quiet(&["kill -9 $$"]));
    let ending = Ending::Signal(9);
    assert_eq!(outcome.verdict, Verdict::Failed { command: 0, ending });
}

#[test]
fn a_program_that_cannot_start_says_why() {
    let container = Container::new()
        .with("opt/foreign", "\x7fELFnothing")
        .with("opt/script", "#!/bin/missing\n")
        .with("opt/text", "text");
    for name in ["foreign", "script"] {
        let path = container.lower("opt").join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let cases = [
        ("/bin/bash", false, 2),
        ("bash", false, 2),
        ("/opt/foreign", true, 8),
        ("/opt/script", true, 2),
        ("/opt/text", true, 13),
    ];
    for (name, exists, number) in cases {
        let mut job = quiet(&[]);
        job.commands = vec![vec![name.to_owned()]];
        match container.run(&job).verdict {
            Verdict::CannotStart {
                command: 0,
                program,
                program_exists,
                errno,
                ..
            } => assert_eq!(
                (program.as_str(), program_exists, errno),
                (name, exists, number)
            ),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_user_has_its_groups_home_and_files() {
    let container = Container::new().with("tmp/x", "");
    fs::set_permissions(container.lower("tmp"), fs::Permissions::from_mode(0o777)).unwrap();
    let script = "id -u; id -g; id -G; echo $HOME; touch tmp/mine; env | grep -c . || true";
    let mut job = shell(&[script]);
    job.user = "app".to_owned();
    let outcome = container.run(&job);
    assert!(
        outcome.output.starts_with("1000\n1001\n1001 29\n/srv\n"),
        "{}",
        outcome.output
    );
    assert_eq!(outcome.entry("tmp/mine")["owner"], "1000:1001");
    job.user = "5:6".to_owned();
    job.env.insert("HOME".to_owned(), "/else".to_owned());
    let outcome = Container::new().run(&Job {
        collect: Collect::Nothing,
        ..job
    });
    assert!(
        outcome.output.starts_with("5\n6\n6\n/else\n"),
        "{}",
        outcome.output
    );
}

#[test]
fn a_user_cannot_do_what_only_root_can() {
    let container = Container::new().with("secret", "");
    fs::set_permissions(container.lower("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    let mut job = quiet(&["cat /secret || echo refused; kill -9 1 2>/dev/null || echo refused"]);
    job.user = "app".to_owned();
    let outcome = container.run(&job);
    assert_eq!(
        outcome.output.matches("refused\n").count(),
        2,
        "{}",
        outcome.output
    );
}

#[test]
fn an_unknown_user_is_refused() {
    let mut job = quiet(&["true"]);
    job.user = "nobody".to_owned();
    let outcome = Container::new().run(&job);
    assert!(refusal(&outcome.verdict).starts_with("there is no user `nobody`"));
}

#[test]
fn a_working_directory_that_is_missing_is_made() {
    let container = Container::new();
    let mut job = shell(&["pwd; touch here"]);
    job.workdir = "/srv/app".to_owned();
    let outcome = container.run(&job);
    assert_eq!(outcome.output, "/srv/app\n");
    assert_eq!(outcome.names(), ["srv/", "srv/app/", "srv/app/here"]);
    job.workdir = "/etc/passwd".to_owned();
    let outcome = container.run(&job);
    assert!(refusal(&outcome.verdict)
        .starts_with("failed to enter the working directory `/etc/passwd`"));
}

#[test]
fn what_a_command_leaves_running_serves_the_next_and_is_killed_in_the_end() {
    let outcome = Container::new().run(&shell(&[
        "(sleep 4731 & echo $! > tmp/pid) ; sh -c 'sleep 4731 &'",
        "kill -0 $(cat tmp/pid) && rm tmp/pid",
    ]));
    assert_eq!(outcome.names(), [""; 0]);
    assert!(!runs("4731"));
}

#[test]
fn the_end_of_the_tool_is_the_end_of_all() {
    let container = Container::new();
    let mut running = container.start(&quiet(&["echo begun; sleep 4732; true"]));
    let mut begun = [0; 6];
    running
        .child
        .stderr
        .as_mut()
        .unwrap()
        .read_exact(&mut begun)
        .unwrap();
    assert!(runs("4732"));
    drop(running.stdin);
    assert_eq!(running.child.wait().unwrap().code(), Some(1));
    assert!(!runs("4732"));
}

fn input(from: &str, to: &str) -> PlacedInput {
    PlacedInput {
        from: format!("/.stevedore/in/{from}"),
        to: to.to_owned(),
    }
}

#[test]
fn placed_inputs_are_in_their_places_and_in_no_layer() {
    let container = Container::new()
        .with("srv/own", "")
        // In the container's own directory, as an engine does that is sent an archive.
        .prepared_by(
            "mkdir -p .stevedore/in/1; echo 1 > .stevedore/in/0; echo 2 > .stevedore/in/1/x",
        );
    symlink("/srv", container.lower("alias")).unwrap();
    let mut job = shell(&[
        "cat in/deep/file alias/dir/x; touch in/new srv/dir/more",
        "rm -r in; echo changed > srv/dir/x",
    ]);
    job.placed_inputs = vec![input("0", "/in/deep/file"), input("1", "/alias/dir")];
    let outcome = container.run(&job);
    assert_eq!(outcome.output, "1\n2\n");
    assert_eq!(outcome.names(), [""; 0]);
}

#[test]
fn an_input_that_collides_with_a_file_of_the_image_is_refused() {
    let container = Container::new().with(".stevedore/in/0", "");
    let mut job = quiet(&["echo ran"]);
    job.placed_inputs = vec![input("0", "/etc/passwd")];
    let outcome = container.run(&job);
    let expected =
        "an input is to be at `/etc/passwd`, where the image has a file: choose another path";
    assert_eq!(refusal(&outcome.verdict), expected);
    assert_eq!(outcome.output, "");
}

#[test]
fn secrets_are_the_users_own_in_memory_and_in_no_layer() {
    let secret = Secret {
        name: "token".to_owned(),
        content: "aHVzaAo=".to_owned(),
    };
    let mut job = shell(&["cat run/secrets/token; ls -ln run/secrets/token; touch run/x"]);
    job.user = "app".to_owned();
    job.secrets = vec![secret];
    let container = Container::new()
        .prepared_by("mkdir -p run/secrets; chmod 777 run; mount -t tmpfs tmpfs run/secrets");
    let outcome = container.run(&job);
    assert!(
        outcome
            .output
            .starts_with("hush\n-r--------    1 1000     1001"),
        "{}",
        outcome.output
    );
    assert_eq!(outcome.names(), ["run/", "run/x"]);
    let outcome = Container::new().run(&job);
    assert!(refusal(&outcome.verdict).contains("no file system in memory at `/run/secrets`"));
}

#[test]
fn the_agent_runs_nowhere_but_as_a_containers_first_process() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_stevedore-agent"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(b"{}\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("not the first process"));
}
