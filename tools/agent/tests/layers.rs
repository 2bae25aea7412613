//! What is in the layer, in real namespaces over a real overlay.
#![allow(clippy::unwrap_used)]

mod container;

use std::fs;
use std::os::unix::fs::{chown, PermissionsExt};

use serde_json::json;
use stevedore_agent::{Collect, Verdict};
use stevedore_rootfs::{upper_difference, write_layer, Skipped};

use container::{shell, Container, Outcome};

/// Runs shell commands, and finds the same layer in the overlay's upper directory as in the agent's answer.
fn run(container: &Container, scripts: &[&str]) -> Outcome {
    let outcome = container.run(&shell(scripts));
    let names = outcome.names();
    let (upper, lower) = (container.part("upper"), container.part("lower"));
    let changes = upper_difference(&upper, &lower, &Skipped::always()).unwrap();
    let mut tar = Vec::new();
    write_layer(&changes, &upper, Some(0), &mut tar).unwrap();
    let same = outcome.tar == tar;
    assert!(
        same,
        "the upper directory tells something else than {names:?}"
    );
    outcome
}

#[test]
fn a_layer_has_what_is_new_changed_and_gone_with_its_ancestors_in_order() {
    let container = Container::new()
        .with("etc/gone", "")
        .with("etc/changed", "1")
        .with("srv/same", "")
        .with("opt/deep/down/file", "");
    let outcome = run(
        &container,
        &[
            "mkdir -p a/b; touch a/b/new a-b a.b",
            "echo 2 > etc/changed; rm etc/gone; touch etc",
            "rm -r opt/deep; cat srv/same; chmod 700 srv",
        ],
    );
    assert_eq!(
        outcome.names(),
        [
            "a/",
            "a/b/",
            "a/b/new",
            "a-b",
            "a.b",
            "etc/",
            "etc/.wh.gone",
            "etc/changed",
            "opt/",
            "opt/.wh.deep",
            "srv/"
        ]
    );
    assert_eq!(outcome.entry("etc/changed")["content"], "2\n");
    assert_eq!(
        outcome.entry("etc/.wh.gone"),
        json!({
            "kind": "file", "mode": "0", "owner": "0:0", "mtime": 0, "link": null, "content": "",
            "device": [0, 0], "xattrs": {},
        })
    );
}

#[test]
fn a_command_that_changes_nothing_makes_an_empty_layer() {
    let container = Container::new().with("a/b", "");
    let outcome = run(&container, &["touch a/c; rm a/c; ls; true"]);
    assert_eq!(outcome.names(), [""; 0]);
    assert_eq!(outcome.tar, [0; 1024]);
}

#[test]
fn a_directory_that_was_removed_and_made_again_has_a_whiteout_for_each_child_that_is_missing() {
    let container = Container::new()
        .with("srv/one/file", "")
        .with("srv/two/file", "")
        .with("srv/three", "");
    let outcome = run(
        &container,
        &["rm -r srv; mkdir srv srv/one; touch srv/four srv/three"],
    );
    assert_eq!(
        outcome.names(),
        [
            "srv/",
            "srv/.wh.two",
            "srv/four",
            "srv/one/",
            "srv/one/.wh.file",
            "srv/three"
        ]
    );
}

#[test]
fn what_is_of_another_kind_now_needs_no_whiteout() {
    let container = Container::new().with("d/file", "").with("f", "");
    let outcome = run(
        &container,
        &["rm -r d f; echo 1 > d; mkdir f; echo 2 > f/x"],
    );
    assert_eq!(outcome.names(), ["d", "f/", "f/x"]);
}

#[test]
fn links_devices_owners_and_bits_are_kept() {
    let container = Container::new();
    let outcome = run(
        &container,
        &[
            "mkdir z; echo data > z/one; ln z/one a-link; ln -s nowhere/else link",
            "mkfifo fifo; mknod char c 1 3; mknod block b 7 0; mkdir sticky; chmod 1777 sticky",
            "touch suid; chown 12:34 suid; chmod 6755 suid",
        ],
    );
    let kinds = outcome.names().into_iter().map(|name| {
        let entry = outcome.entry(&name);
        format!(
            "{name} {} {} {} {} {}",
            entry["kind"], entry["mode"], entry["owner"], entry["device"], entry["link"]
        )
    });
    assert_eq!(
        kinds.collect::<Vec<_>>().join("\n").replace('"', ""),
        "a-link file 644 0:0 [0,0] null\n\
         block block device 644 0:0 [7,0] null\n\
         char character device 644 0:0 [1,3] null\n\
         fifo fifo 644 0:0 [0,0] null\n\
         link symlink 777 0:0 [0,0] nowhere/else\n\
         sticky/ directory 1777 0:0 [0,0] null\n\
         suid file 6755 12:34 [0,0] null\n\
         z/ directory 755 0:0 [0,0] null\n\
         z/one hard link 644 0:0 [0,0] a-link"
    );
    assert_eq!(outcome.entry("a-link")["content"], "data\n");
}

#[test]
fn extended_attributes_are_kept() {
    let container = Container::new().with("d/file", "").with("e/file", "");
    let (file, directory) = (container.lower("d/file"), container.lower("e"));
    let flags = rustix::fs::XattrFlags::empty();
    // A version 2 capability set: `cap_net_raw=ep`.
    let capability = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    rustix::fs::setxattr(&file, "security.capability", capability, flags).unwrap();
    rustix::fs::setxattr(&file, "user.b", b"1", flags).unwrap();
    rustix::fs::setxattr(&file, "trusted.own", b"2", flags).unwrap();
    rustix::fs::setxattr(&directory, "user.a", b"3", flags).unwrap();
    let outcome = run(
        &container,
        &["mv d/file moved; ln moved other; touch e/new"],
    );
    let capability = String::from_utf8_lossy(capability);
    let expected =
        json!({"SCHILY.xattr.security.capability": capability, "SCHILY.xattr.user.b": "1"});
    assert_eq!(outcome.entry("moved")["xattrs"], expected);
    // Whoever unpacks it sets the owner of the link, and so takes the file's capabilities.
    assert_eq!(outcome.entry("other")["xattrs"], expected);
    assert_eq!(
        outcome.entry("e/")["xattrs"],
        json!({"SCHILY.xattr.user.a": "3"})
    );
}

#[test]
fn mounts_and_the_engines_files_are_not_in_it() {
    let container = Container::new()
        .with("etc/hosts", "")
        .with("in/input", "")
        .with("cache/x", "")
        .with("kept", "")
        .prepared_by("mount -t tmpfs tmpfs cache; mount --bind etc/group in/input");
    let mut job = shell(&[
        "touch cache/new dev/new in/new; echo 1 > /etc/hosts; touch etc/resolv.conf .dockerenv",
        "mkdir -p run out; touch run/.containerenv .stevedore/x tmp/new out/x; rm kept",
    ]);
    job.collect = Collect::Layer {
        latest_mtime: Some(0),
        exclude: vec!["/out".to_owned()],
    };
    let outcome = container.run(&job);
    assert_eq!(
        outcome.names(),
        [".wh.kept", "in/", "in/new", "run/", "tmp/", "tmp/new"]
    );
}

#[test]
fn two_runs_give_the_same_bytes_and_times_are_clamped() {
    let script = ["mkdir -p d/e; echo 1 > d/x; touch -d @1000 d/old; ln d/x d/e/y; touch d/e"];
    let run = |latest_mtime| {
        let mut job = shell(&script);
        let exclude = Vec::new();
        job.collect = Collect::Layer {
            latest_mtime,
            exclude,
        };
        Container::new().run(&job)
    };
    let (one, other) = (run(Some(5000)), run(Some(5000)));
    assert!(one.tar == other.tar);
    assert_eq!(one.entry("d/old")["mtime"], 1000);
    assert_eq!(one.entry("d/x")["mtime"], 5000);
    assert_eq!(one.entry("d/")["mtime"], 5000);
    let kept = run(None);
    assert_eq!(kept.entry("d/old")["mtime"], 1000);
    assert!(kept.entry("d/x")["mtime"].as_u64().unwrap() > 1_700_000_000);
}

#[test]
fn an_upper_directory_does_not_make_a_file_changed_that_only_moved_there_and_back() {
    let container = Container::new().with("d/file", "1");
    let outcome = run(&container, &["mv d/file d/other; mv d/other d/file"]);
    // It is another file for whoever looks at it.
    assert_eq!(outcome.names(), ["d/", "d/file"]);
}

#[test]
fn a_name_that_means_a_removed_file_is_refused() {
    let outcome = Container::new().run(&shell(&["touch tmp/.wh.x"]));
    let Verdict::Refused { reason } = outcome.verdict else {
        panic!("{:?}", outcome.verdict);
    };
    assert!(
        reason.starts_with("`/tmp/.wh.x` cannot be in a layer"),
        "{reason}"
    );
    assert_eq!(outcome.code, Some(1));
}

#[test]
fn everything_can_be_removed() {
    let container = Container::new().with("opt/x", "");
    let outcome = run(&container, &["rm -r bin opt || true"]);
    assert_eq!(outcome.names(), [".wh.bin", ".wh.opt"]);
}

#[test]
fn files_are_collected_by_name() {
    let container = Container::new()
        .with("out/d/file", "1")
        .with("etc/conf", "2")
        .prepared_by("mount -t tmpfs tmpfs tmp; chmod 1777 tmp");
    fs::set_permissions(
        container.lower("out/d/file"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    chown(container.lower("etc/conf"), Some(5), Some(6)).unwrap();
    let mut job = shell(&[
        "ln -s /etc/conf link; ln -s x out/d/sym; ln out/d/file out/d/again; echo 3 > tmp/x",
    ]);
    let paths = ["/out/d/", "/link", "/tmp/x"].map(str::to_owned).to_vec();
    job.collect = Collect::Files { paths };
    let outcome = container.run(&job);
    assert_eq!(
        outcome.names(),
        [
            "link",
            "out/d/",
            "out/d/again",
            "out/d/file",
            "out/d/sym",
            "tmp/x"
        ]
    );
    assert_eq!(outcome.entry("link")["content"], "2\n".trim());
    assert_eq!(outcome.entry("out/d/file")["content"], "1");
    assert_eq!(outcome.entry("out/d/file")["mode"], "755");
    assert_eq!(outcome.entry("out/d/again")["content"], "1");
    assert_eq!(outcome.entry("out/d/sym")["link"], "x");
    assert_eq!(outcome.entry("tmp/x")["content"], "3\n");
}

#[test]
fn a_file_that_is_asked_for_and_missing_is_named() {
    let mut job = shell(&["true"]);
    let paths = vec!["/out/x".to_owned()];
    job.collect = Collect::Files { paths };
    let Verdict::Refused { reason } = Container::new().run(&job).verdict else {
        panic!("refused");
    };
    assert_eq!(reason, "`/out/x` is not there: let the commands make it");
}
