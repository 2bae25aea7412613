//! A test with `oci_test` and without: Bazel makes the same of both.

use anyhow::{ensure, Result};

use super::stand::{Stand, Tested};
use crate::command::finish;
use crate::e2e::report::Report;

const BARE: &str = "//cases:probe_test";
const WRAPPED: &str = "//cases:probe";

/// What is asked of both: a name, flags of `bazel test`, the status, and what every log must have.
struct Behaviour {
    name: &'static str,
    flags: &'static [&'static str],
    status: &'static str,
    parts: &'static [&'static str],
}

const BEHAVIOURS: &[Behaviour] = &[
    Behaviour {
        name: "a test that passes",
        flags: &["--test_arg=of the command line"],
        status: "PASSED",
        parts: &[
            "argument: of the test\nargument: cases/probe.c\nargument: of the command line\n",
            "PROBE_SET is by the test\nPROBE_INHERITED is from outside\n",
        ],
    },
    Behaviour {
        name: "an exit code",
        flags: &["--test_arg=exit=7"],
        status: "FAILED",
        parts: &[],
    },
    Behaviour {
        name: "a test that a signal ends",
        flags: &["--test_arg=signal=11"],
        status: "FAILED",
        parts: &[],
    },
    Behaviour {
        name: "a test that is killed",
        flags: &["--test_arg=signal=9"],
        status: "FAILED",
        parts: &[],
    },
    Behaviour {
        name: "a timeout, of which the test is told",
        flags: &["--test_arg=sleep=60", "--test_timeout=2"],
        status: "TIMEOUT",
        parts: &["ended by SIGTERM"],
    },
    Behaviour {
        name: "shards",
        flags: &["--test_sharding_strategy=forced=3"],
        status: "PASSED",
        parts: &["TEST_TOTAL_SHARDS is 3"],
    },
    Behaviour {
        name: "a filter",
        flags: &["--test_filter=only this"],
        status: "PASSED",
        parts: &["TESTBRIDGE_TEST_ONLY is only this"],
    },
    Behaviour {
        name: "results that the test itself writes",
        flags: &["--test_arg=xml"],
        status: "PASSED",
        parts: &[],
    },
    Behaviour {
        name: "a variable of the command line",
        flags: &["--test_env=FROM_FLAG=yes", "--test_arg=tell=FROM_FLAG"],
        status: "PASSED",
        parts: &["FROM_FLAG is yes"],
    },
    Behaviour {
        name: "a test that is run several times",
        flags: &["--runs_per_test=3", "--test_arg=exit=1"],
        status: "FAILED in 3 out of 3",
        parts: &[],
    },
    Behaviour {
        name: "a test that is tried again",
        flags: &["--flaky_test_attempts=2", "--test_arg=exit=1"],
        status: "FAILED in 2 out of 2",
        parts: &[],
    },
    Behaviour {
        name: "links to runfiles that are made for the test alone",
        flags: &["--nobuild_runfile_links"],
        status: "PASSED",
        parts: &[],
    },
];

/// Every behaviour.
pub(super) fn cases(report: &mut Report, stand: &Stand<'_>) {
    let mut report = report.of_engine(stand.engine.name());
    for behaviour in BEHAVIOURS {
        let name = format!("the same as without oci_test: {}", behaviour.name);
        report.case(name, || same(stand, behaviour));
    }
    for (name, arguments) in [
        ("that passes", &["of the command line"][..]),
        ("that fails", &["exit=7"]),
        ("that a signal ends", &["signal=15"]),
    ] {
        let name = format!("the same as without oci_test: `bazel run` of a test {name}");
        report.case(name, || same_run(stand, arguments));
    }
}

fn same(stand: &Stand<'_>, behaviour: &Behaviour) -> Result<()> {
    let bare = stand.test(BARE, behaviour.flags)?;
    let wrapped = stand.test(WRAPPED, behaviour.flags)?;
    for tested in [&bare, &wrapped] {
        tested.expect(behaviour.status, behaviour.parts)?;
    }
    ensure!(
        (bare.code, own_lines(&bare), results(&bare))
            == (wrapped.code, own_lines(&wrapped), results(&wrapped)),
        "without it {bare:#?}\nwith it {wrapped:#?}"
    );
    Ok(())
}

/// What the probe wrote, in each run; a load may have had its say before, and Bazel tells the time of a timeout.
fn own_lines(tested: &Tested) -> Vec<Vec<&str>> {
    let own = |log| {
        from_first_line(log)
            .lines()
            .filter(|line| !line.starts_with("-- "))
    };
    tested.logs.iter().map(|log| own(log).collect()).collect()
}

fn from_first_line(log: &str) -> &str {
    &log[log.find("argument: ").unwrap_or(log.len())..]
}

/// What the results tell, in each run, without the names of test cases and their times.
fn results(tested: &Tested) -> Vec<Vec<String>> {
    let elements = |text: &String| {
        text.split('<')
            .filter(|element| {
                ["testsuite", "error", "failure", "skipped"]
                    .iter()
                    .any(|name| element.starts_with(name))
            })
            .map(|element| element.trim().replace("cases/probe_test", "cases/probe"))
            .collect()
    };
    tested.xml.iter().map(elements).collect()
}

/// What is called is not the load, which would end with codes of its own.
fn same_run(stand: &Stand<'_>, arguments: &[&str]) -> Result<()> {
    let mut found = Vec::new();
    for target in [BARE, WRAPPED] {
        let result = finish(&mut stand.command("run", &[&[target, "--"], arguments].concat()))?;
        let said = String::from_utf8_lossy(&result.stdout).into_owned();
        found.push((result.status.code(), from_first_line(&said).to_owned()));
    }
    ensure!(
        found[0] == found[1] && !found[0].1.is_empty(),
        "without it {:?}\nwith it {:?}",
        found[0],
        found[1]
    );
    Ok(())
}
