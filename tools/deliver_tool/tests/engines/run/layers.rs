//! What is in the layer.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{json, Value};
use stevedore_testing::CAPABILITY;

use super::runners::{is_plain, with_runners};

/// Everything that a layer can have, but for what a container without rights cannot make.
const EVERYTHING: [&str; 3] = [
    "mkdir -p /new/deep; echo data > /new/deep/one; ln /new/deep/one /new/again; ln -s nowhere/else /new/link; \
     mkfifo /new/fifo; touch /new/suid; chown 12:34 /new/suid; chmod 6755 /new/suid; mkdir /new/sticky; \
     chmod 1777 /new/sticky; truncate -s 3000000 /new/sparse; printf 'a\"b$c\\\\d' > '/new/a name with \"quotes\"'",
    "rm /srv/one; echo changed > /srv/two; rm -r /srv/old; mkdir /srv/old; echo n > /srv/old/b; chmod 700 /opt; \
     mv /opt/capable /opt/moved",
    "echo 1 > /tmp/x; rm /tmp/x; touch /etc",
];

#[test]
fn the_same_commands_make_the_same_layer_everywhere_and_twice() {
    let digests = RefCell::new(BTreeMap::<String, Vec<String>>::new());
    with_runners(is_plain, |runner| {
        let job = runner.job(&EVERYTHING);
        for _ in 0..2 {
            let layer = job.makes_layer();
            let mut digests = digests.borrow_mut();
            digests
                .entry(layer.digest)
                .or_default()
                .push(runner.name.clone());
        }
    });
    let digests = digests.into_inner();
    assert_eq!(digests.len(), 1, "{digests:#?}");
}

#[test]
fn a_layer_has_all_that_files_have_and_no_more() {
    with_runners(is_plain, |runner| {
        let layer = runner.job(&EVERYTHING).makes_layer();
        let lines: Vec<_> = layer
            .names()
            .into_iter()
            .map(|name| line(name, layer.entry(name)))
            .collect();
        assert_eq!(
            lines.join("\n"),
            "new/ Directory 755 0:0\n\
             new/a name with \"quotes\" Regular 644 0:0\n\
             new/again Regular 644 0:0\n\
             new/deep/ Directory 755 0:0\n\
             new/deep/one Link 644 0:0 new/again\n\
             new/fifo Fifo 644 0:0\n\
             new/link Symlink 777 0:0 nowhere/else\n\
             new/sparse Regular 644 0:0\n\
             new/sticky/ Directory 1777 0:0\n\
             new/suid Regular 6755 12:34\n\
             opt/ Directory 700 0:0\n\
             opt/.wh.capable Regular 0 0:0\n\
             opt/moved Regular 755 0:0\n\
             srv/ Directory 755 0:0\n\
             srv/.wh.one Regular 0 0:0\n\
             srv/old/ Directory 755 0:0\n\
             srv/old/.wh.a Regular 0 0:0\n\
             srv/old/b Regular 644 0:0\n\
             srv/two Regular 644 0:0",
            "{}",
            runner.name
        );
        assert_eq!(layer.entry("new/again")["content"], "data\n");
        assert_eq!(
            layer.entry("new/a name with \"quotes\"")["content"],
            "a\"b$c\\d"
        );
        assert_eq!(layer.entry("new/sparse")["size"], 3_000_000);
        assert_eq!(
            layer.entry("opt/moved")["xattrs"],
            json!({"security.capability": CAPABILITY})
        );
    });
}

fn line(name: &str, entry: &Value) -> String {
    let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
    let line = format!(
        "{name} {} {} {} {}",
        text("kind"),
        text("mode"),
        text("owner"),
        text("link")
    );
    line.trim_end().to_owned()
}

#[test]
fn device_nodes_are_kept() {
    with_runners(
        |name| is_plain(name) && !name.ends_with("rootless"),
        |runner| {
            let layer = runner
                .job(&["mknod /opt/char c 1 3; mknod /opt/block b 7 0"])
                .makes_layer();
            for (name, kind, device) in [
                ("opt/char", "Char", json!([1, 3])),
                ("opt/block", "Block", json!([7, 0])),
            ] {
                assert_eq!(layer.entry(name)["kind"], kind, "{}", runner.name);
                assert_eq!(layer.entry(name)["device"], device, "{}", runner.name);
            }
        },
    );
}

#[test]
fn times_are_clamped_unless_they_are_wanted() {
    with_runners(is_plain, |runner| {
        let commands = ["touch -d @1000 /opt/old; echo > /opt/new"];
        let layer = runner.job(&commands).makes_layer();
        assert_eq!(layer.entry("opt/old")["mtime"], 0);
        assert_eq!(layer.entry("opt/new")["mtime"], 0);
        let epoch = runner
            .job(&commands)
            .with("env", json!({"SOURCE_DATE_EPOCH": "5000"}))
            .makes_layer();
        assert_eq!(epoch.entry("opt/old")["mtime"], 1000);
        assert_eq!(epoch.entry("opt/new")["mtime"], 5000);
        let kept = runner
            .job(&commands)
            .with(
                "collect",
                json!({"layer": {"normalize": false, "allow_empty": false}}),
            )
            .makes_layer();
        assert_eq!(kept.entry("opt/old")["mtime"], 1000);
        assert!(
            kept.entry("opt/new")["mtime"].as_u64() > Some(1_700_000_000),
            "{}",
            runner.name
        );
    });
}

#[test]
fn commands_that_change_nothing_make_an_empty_layer_only_by_choice() {
    with_runners(is_plain, |runner| {
        let commands = ["touch /tmp/x; rm /tmp/x; cat /srv/one"];
        runner.job(&commands).fails("the commands have changed nothing, so there is no layer; if that is fine, set `allow_empty = True`");
        let layer = runner
            .job(&commands)
            .with(
                "collect",
                json!({"layer": {"normalize": true, "allow_empty": true}}),
            )
            .makes_layer();
        assert_eq!(layer.names(), [""; 0], "{}", runner.name);
        assert_eq!(layer.tar.len(), 1024, "{}", runner.name);
    });
}

#[test]
fn what_the_engine_puts_into_a_container_is_not_in_the_layer() {
    with_runners(is_plain, |runner| {
        let layer = runner
            .job(&[
                "cat /proc/version > /opt/version; ls /sys /dev > /dev/null; hostname > /opt/name",
                "echo x > /dev/shm/x || true; echo x > /etc/hosts || true; echo x > /etc/resolv.conf || true",
            ])
            .with("tmpfs", json!({"/scratch": null, "/scratch2": 1_000_000}))
            .with("caches", json!({"/cache": "stevedore-tests"}))
            .makes_layer();
        assert_eq!(
            layer.names(),
            ["opt/", "opt/name", "opt/version"],
            "{}",
            runner.name
        );
        assert_eq!(
            layer.entry("opt/name")["content"],
            "stevedore\n",
            "{}",
            runner.name
        );
    });
}

#[test]
fn a_layer_is_the_base_of_the_next_one() {
    use stevedore_testing::LayerFile;

    with_runners(is_plain, |runner| {
        let system = || LayerFile::Tar(stevedore_testing::system_layer(&[]).unwrap());
        let one = runner
            .job(&["mkdir /data; echo one > /data/one; rm /srv/two"])
            .makes_layer();
        let layers = [system(), LayerFile::Tar(one.tar)];
        let two = super::job::Job::on(
            runner,
            &layers,
            &["test ! -e /srv/two; cat /data/one > /data/two; rm /data/one"],
        )
        .makes_layer();
        assert_eq!(
            two.names(),
            ["data/", "data/.wh.one", "data/two"],
            "{}",
            runner.name
        );
        assert_eq!(two.entry("data/two")["content"], "one\n");
    });
}
