//! Inputs, caches and memory.

use std::fs;

use stevedore_agent::{Collect, Secret, Verdict};
use stevedore_sandbox::{InputEntry, Mount};

use super::base;
use crate::outcome::Bench;
use crate::user::User;
use crate::Test;

pub(super) const ALL: &[(&str, Test)] = &[
    (
        "inputs_are_read_only_and_in_no_layer",
        inputs_are_read_only_and_in_no_layer,
    ),
    (
        "an_input_that_collides_is_refused",
        an_input_that_collides_is_refused,
    ),
    ("caches_outlast_the_sandbox", caches_outlast_the_sandbox),
    (
        "tmpfs_is_bounded_and_in_no_layer",
        tmpfs_is_bounded_and_in_no_layer,
    ),
    ("secrets_are_in_no_layer", secrets_are_in_no_layer),
    (
        "names_are_those_of_the_sandbox",
        names_are_those_of_the_sandbox,
    ),
    ("there_is_no_network", there_is_no_network),
];

fn input(bench: &Bench, target: &str, paths: &[&str]) -> Mount {
    let entries = paths.iter().enumerate().map(|(index, path)| {
        let source = bench.folder.path().join(format!("source{index}"));
        fs::write(&source, format!("content{index}\n")).unwrap();
        InputEntry {
            path: (*path).to_owned(),
            source,
        }
    });
    Mount::Input {
        target: target.to_owned(),
        entries: entries.collect(),
    }
}

fn inputs_are_read_only_and_in_no_layer(_: User) {
    let command = "cat /in/debs/a /in/debs/sub/b /one; echo x > /in/debs/a || true; echo y > /one || true; touch /in/beside \
         /tmp/x; rm -f /in/debs/a || true; cp -a /in/debs/sub /copy";
    let mut bench = Bench::new(base, &[command]);
    let mounts = [
        input(&bench, "/in/debs", &["a", "sub/b"]),
        input(&bench, "/one", &[""]),
    ];
    bench.request.mounts.extend(mounts);
    bench.job.collect = Collect::Layer {
        latest_mtime: None,
        exclude: Vec::new(),
    };
    let outcome = bench.run();
    let expected = [
        "copy/ 755 0:0 a directory",
        "copy/b 444 0:0 content1",
        "in/ 755 0:0 a directory",
        "in/beside 644 0:0 ",
        "tmp/ 755 0:0 a directory",
        "tmp/x 644 0:0 ",
    ];
    assert_eq!(outcome.members(), expected);
    let said = &outcome.output;
    assert!(said.starts_with("content0\ncontent1\ncontent0\n"), "{said}");
    assert_eq!(said.matches("Read-only file system").count(), 3, "{said}");
}

fn an_input_that_collides_is_refused(_: User) {
    for (target, path) in [
        ("/etc/passwd", ""),
        ("/etc", "new"),
        ("/etc/passwd", "x"),
        ("/tmp", ""),
    ] {
        let mut bench = Bench::new(base, &["true"]);
        let mount = input(&bench, target, &[path]);
        bench.request.mounts.push(mount);
        let Verdict::Refused { reason } = bench.run().verdict else {
            panic!("{target} {path} was taken");
        };
        assert!(
            reason.contains("collides with a file of the base image"),
            "{reason}"
        );
        assert_eq!(bench.remains(), [""; 0]);
    }
}

fn caches_outlast_the_sandbox(_: User) {
    let mut bench = Bench::new(
        base,
        &["cat /var/cache/x/n || true; echo kept > /var/cache/x/n; touch /tmp/x"],
    );
    bench.request.mounts.push(Mount::Cache {
        target: "/var/cache/x".to_owned(),
        name: "any name/at all".to_owned(),
    });
    assert!(bench.run().output.contains("No such file"));
    let outcome = bench.run();
    assert_eq!(outcome.output, "kept\n");
    assert_eq!(
        outcome.members(),
        ["tmp/ 755 0:0 a directory", "tmp/x 644 0:0 "]
    );
}

fn tmpfs_is_bounded_and_in_no_layer(_: User) {
    let command =
        "cp /bin/busybox /scratch/a; cp /bin/busybox /scratch/b || echo full; touch /tmp/x";
    let mut bench = Bench::new(base, &[command]);
    bench.request.mounts.push(Mount::Tmpfs {
        target: "/scratch".to_owned(),
        size: Some(3 << 20),
    });
    let outcome = bench.run();
    assert_eq!(outcome.members().len(), 2);
    assert!(
        outcome.output.contains("No space left") && outcome.output.ends_with("full\n"),
        "{}",
        outcome.output
    );
}

fn secrets_are_in_no_layer(_: User) {
    let mut bench = Bench::new(
        base,
        &["cat /run/secrets/token; ls -l /run/secrets/token >/tmp/x; touch /run/beside"],
    );
    bench.request.mounts.push(Mount::Tmpfs {
        target: "/run/secrets".to_owned(),
        size: None,
    });
    bench.job.secrets.push(Secret {
        name: "token".to_owned(),
        // "hush"
        content: "aHVzaA==".to_owned(),
    });
    let outcome = bench.run();
    assert_eq!(outcome.output, "hush");
    let members = outcome.members();
    assert!(
        members[3].starts_with("tmp/x 644 0:0 -r--------"),
        "{members:?}"
    );
    assert_eq!(
        members[..2],
        ["run/ 755 0:0 a directory", "run/beside 644 0:0 "]
    );
    assert!(!String::from_utf8_lossy(&outcome.tar).contains("hush"));
}

fn names_are_those_of_the_sandbox(_: User) {
    let outcome = Bench::new(base, &["cat /etc/hostname; echo 1 >> /etc/hosts; touch /x"]).run();
    assert_eq!(outcome.output, "stevedore\n");
    assert_eq!(outcome.members(), ["x 644 0:0 "]);
}

fn there_is_no_network(_: User) {
    let outcome = Bench::new(base, &["ls /sys/class/net; touch /x"]).run();
    assert_eq!(outcome.output, "lo\n");
}
