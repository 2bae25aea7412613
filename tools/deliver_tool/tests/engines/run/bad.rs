//! Bad input: commands, images and machines that make it fail.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use stevedore_testing::{layer_tar, LayerFile};

use super::job::Job;
use super::runners::{is_plain, with_runners};

#[test]
fn a_command_that_fails_ends_it_with_its_code_and_its_last_output() {
    with_runners(is_plain, |runner| {
        let commands = [
            "echo > /opt/x; seq 1 100",
            "echo about to fail; exit 42",
            "echo not reached",
        ];
        let finished = runner
            .job(&commands)
            .fails("command 2 of 3 ended with exit code 42: `echo about to fail; exit 42`");
        let (output, error) = finished.stderr.split_once("error: ").unwrap();
        assert!(
            output.starts_with("1\n2\n") && output.ends_with("100\nabout to fail\n"),
            "{}: {output}",
            runner.name
        );
        assert!(
            error.contains("\n    100\n    about to fail\n"),
            "{}: {error}",
            runner.name
        );
        assert!(!finished.stderr.contains("not reached"), "{}", runner.name);
        runner
            .job(&["false; echo > /opt/x"])
            .fails("command 1 of 1 ended with exit code 1");
    });
}

#[test]
fn a_command_that_hangs_is_ended() {
    with_runners(is_plain, |runner| {
        let start = Instant::now();
        let job = runner
            .job(&["echo waiting; trap '' TERM INT; while :; do sleep 100; done"])
            .with("timeout", json!(2));
        job.fails("the commands were ended after 2 s, which is their `timeout`");
        let elapsed = start.elapsed();
        assert!(
            elapsed < Duration::from_secs(25),
            "{}: {elapsed:?}",
            runner.name
        );
    });
}

#[test]
fn a_daemon_that_a_command_has_started_does_not_keep_it() {
    with_runners(is_plain, |runner| {
        let start = Instant::now();
        let command = "(setsid sh -c 'echo started > /opt/daemon; exec sleep 1000' &) ; sleep 0.5; echo > /opt/x";
        let layer = runner.job(&[command]).makes_layer();
        assert_eq!(
            layer.names(),
            ["opt/", "opt/daemon", "opt/x"],
            "{}",
            runner.name
        );
        assert!(start.elapsed() < Duration::from_secs(30), "{}", runner.name);
    });
}

#[test]
fn a_full_disk_is_an_error_that_leaves_nothing() {
    with_runners(
        |name| name == "docker-28@tmpfs:64m",
        |runner| {
            let finished = runner
                .job(&["dd if=/dev/zero of=/opt/x bs=1M count=200"])
                .fails("command 1 of 1 ended with exit code 1");
            assert!(
                finished.stderr.contains("No space left on device"),
                "{}: {}",
                runner.name,
                finished.stderr
            );
            runner.job(&["echo > /opt/x"]).makes_layer();
        },
    );
}

#[test]
fn a_hundred_thousand_small_files_make_a_layer() {
    let count = 100_000;
    with_runners(
        |name| ["docker-28", "podman-5", "sandbox"].contains(&name),
        |runner| {
            let command = format!("mkdir /many; cd /many; seq 1 {count} | xargs touch");
            let layer = runner.job(&[&command]).makes_layer();
            assert_eq!(layer.names().len(), count + 1, "{}", runner.name);
        },
    );
}

#[test]
fn an_image_may_lose_its_programs() {
    with_runners(is_plain, |runner| {
        let layer = runner.job(&["rm -r /bin /srv"]).makes_layer();
        assert_eq!(layer.names(), [".wh.bin", ".wh.srv"], "{}", runner.name);
        runner
            .job(&["rm -r /bin", "true"])
            .fails("command 2 of 2 cannot be started: the image has no `/bin/sh`");
    });
}

#[test]
fn an_image_without_a_shell_runs_programs() {
    with_runners(is_plain, |runner| {
        let program = stevedore_testing::program_layer(&["/usr/bin/busybox"]).unwrap();
        let layers = [LayerFile::Tar(program)];
        Job::on(runner, &layers, &["echo"]).fails(
            "the image has no `/bin/sh`, which runs `commands`; set `shell` to one that it has, or use `argv`",
        );
        let exact = Job::on(runner, &layers, &[]).exact(&["/usr/bin/busybox", "mkdir", "/made"]);
        assert_eq!(exact.makes_layer().names(), ["made/"], "{}", runner.name);
        let missing = Job::on(runner, &layers, &[]).exact(&["made", "up"]);
        missing.fails("the image has no program `made`; `argv` needs one that it has");
    });
}

#[test]
fn a_platform_that_the_machine_cannot_run_is_told() {
    with_runners(is_plain, |runner| {
        // What the kernel refuses to run, without a file of another platform: an ELF header of one (EM_S390, 22).
        let mut program = [0_u8; 200];
        program[..7].copy_from_slice(b"\x7fELF\x02\x02\x01");
        program[16..20].copy_from_slice(&[0, 2, 0, 22]);
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(program.len() as u64);
        header.set_mode(0o755);
        tar.append_data(&mut header, "bin/sh", &program[..])
            .unwrap();
        let job = Job::on(
            runner,
            &[LayerFile::Tar(tar.into_inner().unwrap())],
            &["echo"],
        );
        job.edit_base(|config| config["architecture"] = json!("s390x"));
        let finished =
            job.fails("`/bin/sh` is no program for this machine: the image is for linux/s390x");
        assert!(
            finished.stderr.contains("binfmt_misc"),
            "{}: {}",
            runner.name,
            finished.stderr
        );
    });
}

#[test]
fn an_input_that_collides_with_a_file_of_the_image_is_refused() {
    with_runners(is_plain, |runner| {
        let job = runner.job(&["echo > /opt/x"]);
        let (file, _) = (job.write("input", "mine"), job.write("folder/file", "mine"));
        let folder = job.file("folder");
        let mut job = job;
        for (target, source) in [
            ("/srv/one", &file),
            ("/bin/busybox", &folder),
            ("/srv/one/below", &file),
            ("/bin", &file),
        ] {
            let inputs = json!([{"target": target, "entries": [{"path": "", "source": source}]}]);
            job = job.with("inputs", inputs);
            let finished = job.fails(target);
            assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
            assert!(
                !finished.stderr.contains("panicked"),
                "{}: {}",
                runner.name,
                finished.stderr
            );
        }
    });
}

#[test]
fn an_unknown_user_is_told() {
    with_runners(is_plain, |runner| {
        runner
            .job(&["echo > /opt/x"])
            .with("user", json!("nobody"))
            .fails("there is no user `nobody`");
    });
}

#[test]
fn a_layer_that_is_not_what_it_should_be_is_told() {
    with_runners(
        |name| ["docker-28", "podman-5", "sandbox"].contains(&name),
        |runner| {
            let layer =
                LayerFile::Tar(layer_tar(&format!("wrong-{}", std::process::id()), 1000).unwrap());
            let job = Job::on(runner, &[layer], &["echo > /opt/x"]);
            let tar = job.file("load.runfiles/_main/0.tar");
            let mut content = fs::read(&tar).unwrap();
            content[600] ^= 1;
            fs::write(&tar, content).unwrap();
            job.fails("changed since it was built");
        },
    );
}
