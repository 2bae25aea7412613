//! Containers that are run after the load.

use std::path::Path;
use std::process::Command;

use stevedore_testing::{program_layer, LayerFile, Program};

use crate::bench::{with_graphdrivers, BINARY};

#[test]
fn a_container_is_run_and_its_exit_code_passed_on() {
    with_graphdrivers(|bench| {
        let programs = program_layer(&["/bin/sh", "/bin/cat", "/bin/sleep"]).unwrap();
        let image = bench.image(&[LayerFile::Tar(programs)], "A=1");
        let containers = bench.api.container_count().unwrap();
        let program = |arguments: &[&str]| {
            let mut program = Program::load(Path::new(BINARY), &image, &bench.host()).unwrap();
            program
                .command()
                .args(["--run", "--network=none", "--"])
                .args(arguments);
            program
        };
        let finished = program(&["/bin/sh", "-c", "echo out; echo err >&2; exit 7"])
            .run()
            .unwrap();
        assert_eq!(finished.code, Some(7), "{}", finished.stderr);
        assert_eq!(finished.stdout, "out\n");
        assert!(finished.stderr.ends_with("err\n"), "{}", finished.stderr);

        let mut cat = program(&["/bin/cat"]);
        cat.command().stdin(std::process::Stdio::piped());
        let mut child = cat.start().unwrap();
        let typed = "typed ".repeat(100_000);
        let (mut stdin, bytes) = (child.stdin.take().unwrap(), typed.clone());
        let typing =
            std::thread::spawn(move || std::io::Write::write_all(&mut stdin, bytes.as_bytes()));
        let finished = cat.finish(child.wait_with_output().unwrap()).unwrap();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        typing.join().unwrap().unwrap();
        assert!(
            finished.stdout == typed,
            "{} of {} bytes came back",
            finished.stdout.len(),
            typed.len()
        );

        let mut sleeping = program(&[
            "/bin/sh",
            "-c",
            "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done",
        ]);
        let mut child = sleeping.start().unwrap();
        let mut ready = [0; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        let pid = child.id().to_string();
        assert!(Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success());
        let finished = sleeping.finish(child.wait_with_output().unwrap()).unwrap();
        assert_eq!(finished.code, Some(9), "{}", finished.stderr);

        let finished = program(&["/bin/nothing"]).run().unwrap();
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        assert!(
            finished.stderr.contains("failed to start the container"),
            "{}",
            finished.stderr
        );
        assert_eq!(
            bench.api.container_count().unwrap(),
            containers,
            "containers remain"
        );
    });
}
