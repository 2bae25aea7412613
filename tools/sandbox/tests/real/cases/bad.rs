//! Commands that fail, and files that are not what they should be.

use std::fs;

use stevedore_agent::{Ending, Verdict};
use stevedore_sandbox::LayerFile;

use super::base;
use crate::outcome::Bench;
use crate::user::User;
use crate::Test;

pub(super) const ALL: &[(&str, Test)] = &[
    ("a_command_that_fails_is_told", a_command_that_fails_is_told),
    (
        "a_program_that_is_missing_is_told",
        a_program_that_is_missing_is_told,
    ),
    ("a_daemon_is_killed", a_daemon_is_killed),
    ("bin_can_be_removed", bin_can_be_removed),
    (
        "many_small_files_are_collected",
        many_small_files_are_collected,
    ),
    (
        "a_layer_of_other_bytes_is_refused",
        a_layer_of_other_bytes_is_refused,
    ),
    (
        "a_memory_limit_holds_or_is_refused",
        a_memory_limit_holds_or_is_refused,
    ),
];

fn a_command_that_fails_is_told(_: User) {
    let bench = Bench::new(base, &["true", "echo last words; exit 7", "echo never"]);
    let outcome = bench.run();
    let expected = Verdict::Failed {
        command: 1,
        ending: Ending::Code(7),
    };
    assert_eq!(outcome.verdict, expected);
    assert!(
        outcome.output.starts_with("last words\n"),
        "{}",
        outcome.output
    );
    assert_eq!((outcome.code, outcome.tar.len()), (Some(1), 0));
    assert_eq!(bench.remains(), [""; 0]);
}

fn a_program_that_is_missing_is_told(_: User) {
    let mut bench = Bench::new(base, &[]);
    bench.job.commands = vec![vec!["/no/shell".to_owned()]];
    let outcome = bench.run();
    assert!(
        matches!(outcome.verdict, Verdict::CannotStart { errno: 2, .. }),
        "{:?}",
        outcome.verdict
    );
}

fn a_daemon_is_killed(_: User) {
    let outcome = Bench::new(base, &["sleep 1000 & touch /x"]).run();
    assert_eq!(outcome.members(), ["x 644 0:0 "]);
}

fn bin_can_be_removed(_: User) {
    let outcome = Bench::new(base, &["rm -r /bin"]).run();
    assert_eq!(outcome.members(), [".wh.bin 0 0:0 "]);
}

fn many_small_files_are_collected(_: User) {
    let command =
        "mkdir /many; i=0; while [ $i -lt 20000 ]; do echo $i > /many/$i; i=$((i+1)); done";
    let bench = Bench::new(base, &[command]);
    let outcome = bench.run();
    assert_eq!(outcome.members().len(), 20_001);
    assert_eq!(bench.remains(), [""; 0]);
}

fn a_layer_of_other_bytes_is_refused(_: User) {
    let bench = Bench::new(base, &["true"]);
    let LayerFile { path, diff_id } = &bench.request.layers[0];
    let mut bytes = fs::read(path).unwrap();
    bytes[300_000] ^= 1;
    fs::write(path, bytes).unwrap();
    for _ in 0..2 {
        let Verdict::Refused { reason } = bench.run().verdict else {
            panic!("it was taken");
        };
        assert!(reason.contains(&format!("not `{diff_id}`")), "{reason}");
    }
    assert_eq!(bench.remains(), [""; 0]);
}

fn a_memory_limit_holds_or_is_refused(user: User) {
    let mut bench = Bench::new(base, &["x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done"]);
    bench.request.memory = Some(32 << 20);
    bench.request.cpus = Some(0.5);
    let verdict = bench.run().verdict;
    match (user, verdict) {
        (User::Root, Verdict::Failed { ending, .. }) => assert_eq!(ending, Ending::Signal(9)),
        (User::Mapped | User::Single, Verdict::Refused { reason }) => {
            assert!(reason.contains("needs control groups"), "{reason}");
        }
        (_, other) => panic!("{other:?}"),
    }
    assert_eq!(bench.remains(), [""; 0]);
}
