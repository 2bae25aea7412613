//! What layers have, and what commands make of it.

use std::path::Path;

use nix::mount::{mount, umount2, MntFlags, MsFlags};
use nix::sched::{unshare, CloneFlags};
use stevedore_agent::Collect;
use stevedore_image::archive::{Kind, Reader};
use stevedore_sandbox::LayerFile;

use super::base;
use crate::image::{member, Layer};
use crate::outcome::Bench;
use crate::user::User;
use crate::Test;

pub(super) const ALL: &[(&str, Test)] = &[
    (
        "layers_hide_and_replace_what_is_below",
        layers_hide_and_replace_what_is_below,
    ),
    (
        "what_is_removed_has_a_whiteout",
        what_is_removed_has_a_whiteout,
    ),
    (
        "a_directory_made_again_has_a_whiteout_for_each_child",
        a_directory_made_again,
    ),
    ("attributes_are_kept", attributes_are_kept),
    (
        "names_of_one_file_are_hard_links",
        names_of_one_file_are_hard_links,
    ),
    (
        "a_directory_whose_times_changed_did_not",
        a_directory_whose_times_changed_did_not,
    ),
    ("owners_of_the_base_come_back", owners_of_the_base_come_back),
    ("devices_are_made_by_root", devices_are_made_by_root),
    ("files_are_given_as_they_are", files_are_given_as_they_are),
    ("extended_attributes_are_kept", extended_attributes_are_kept),
    (
        "a_user_of_the_image_runs_the_commands",
        a_user_of_the_image_runs_the_commands,
    ),
    (
        "a_cache_on_an_overlay_will_do",
        a_cache_on_an_overlay_will_do,
    ),
    (
        "an_implied_directory_is_as_below",
        an_implied_directory_is_as_below,
    ),
    (
        "the_same_layer_may_be_there_twice",
        the_same_layer_may_be_there_twice,
    ),
    ("a_hundred_layers_are_mounted", a_hundred_layers_are_mounted),
];

fn several(folder: &Path) -> Vec<LayerFile> {
    let mut lower = Layer::default();
    for name in ["gone/", "opaque/", "again/", "kept/"] {
        lower.directory(name, 0o755);
        lower.file(&format!("{name}old"), 0o644, b"old");
    }
    lower.file("replaced", 0o644, b"old");
    lower.directory("became_file/", 0o755);
    lower.file("became_file/x", 0o644, b"");
    let mut upper = Layer::default();
    upper.file(".wh.gone", 0, b"");
    upper.directory("opaque/", 0o755);
    upper.file("opaque/new", 0o644, b"new");
    upper.file("opaque/.wh..wh..opq", 0, b"");
    upper.file(".wh.again", 0, b"");
    upper.directory("again/", 0o755);
    upper.file("again/new", 0o644, b"new");
    upper.file("kept/new", 0o644, b"new");
    upper.file("replaced", 0o600, b"new");
    upper.file("became_file", 0o644, b"file");
    upper.file("./link-target", 0o644, b"t");
    let mut layers = base(folder);
    layers.push(lower.write(folder, "lower.tar"));
    layers.push(upper.write(folder, "upper.tar"));
    layers
}

fn layers_hide_and_replace_what_is_below(_: User) {
    let list = "cd /; ls gone 2>&1 || true; ls opaque again kept; cat replaced became_file; ls -l link-target >/dev/null; touch /x";
    let outcome = Bench::new(several, &[list]).run();
    assert_eq!(outcome.members(), ["x 644 0:0 "]);
    let expected = "ls: gone: No such file or directory\nagain:\nnew\n\nkept:\nnew\nold\n\nopaque:\nnew\nnewfile";
    assert_eq!(outcome.output, expected);
}

fn what_is_removed_has_a_whiteout(_: User) {
    let command = "rm -r /kept /replaced; rm /opaque/new; rm -r /became_file; mkdir /became_file";
    let outcome = Bench::new(several, &[command]).run();
    let expected = [
        ".wh.kept 0 0:0 ",
        ".wh.replaced 0 0:0 ",
        "became_file/ 755 0:0 a directory",
        "opaque/ 755 0:0 a directory",
        "opaque/.wh.new 0 0:0 ",
    ];
    assert_eq!(outcome.members(), expected);
}

fn a_directory_made_again(_: User) {
    let command = "rm -r /kept; mkdir -p /kept/sub; echo b > /kept/new; echo c > /kept/sub/c";
    let outcome = Bench::new(several, &[command]).run();
    let expected = [
        "kept/ 755 0:0 a directory",
        "kept/.wh.old 0 0:0 ",
        "kept/new 644 0:0 b",
        "kept/sub/ 755 0:0 a directory",
        "kept/sub/c 644 0:0 c",
    ];
    assert_eq!(outcome.members(), expected);
}

fn attributes_are_kept(user: User) {
    let command = "cd /tmp; mkdir d; chmod 2751 d; echo s > suid; chmod 4755 suid; mkfifo pipe; ln -s there link; \
         chmod 700 /root";
    let outcome = Bench::new(base, &[command]).run();
    let expected = [
        "root/ 700 0:0 a directory",
        "tmp/ 755 0:0 a directory",
        "tmp/d/ 2751 0:0 a directory",
        "tmp/link 777 0:0 > there",
        "tmp/pipe 644 0:0 a named pipe",
        "tmp/suid 4755 0:0 s",
    ];
    assert_eq!(outcome.members(), expected);
    let outcome = Bench::new(base, &["touch /tmp/f; chown user:user /tmp/f"]).run();
    match user {
        User::Single => assert!(
            outcome.output.contains("hint: there is only one user"),
            "{outcome:?}"
        ),
        _ => assert_eq!(outcome.members()[1], "tmp/f 644 1000:1000 "),
    }
}

fn names_of_one_file_are_hard_links(_: User) {
    let outcome = Bench::new(base, &["cd /tmp; echo x > b; ln b a; mkdir c; ln a c/d"]).run();
    let expected = [
        "tmp/ 755 0:0 a directory",
        "tmp/a 644 0:0 x",
        "tmp/b 644 0:0 > tmp/a",
        "tmp/c/ 755 0:0 a directory",
        "tmp/c/d 644 0:0 > tmp/a",
    ];
    assert_eq!(outcome.members(), expected);
}

fn a_directory_whose_times_changed_did_not(_: User) {
    let outcome = Bench::new(
        base,
        &["touch /tmp/a; rm /tmp/a; mv /tmp /t; mv /t /tmp; touch /root"],
    )
    .run();
    assert_eq!(outcome.members(), [""; 0]);
}

fn owned(folder: &Path) -> Vec<LayerFile> {
    let mut layer = Layer::default();
    let mut owned = |name: &str, kind: Kind, uid, gid| {
        let mut member = member(name, kind, 0o750);
        (member.uid, member.gid) = (uid, gid);
        layer.add(&member, &[]);
    };
    owned("var/", Kind::Directory, 0, 0);
    owned("var/games/", Kind::Directory, 5, 60);
    owned("var/games/score", Kind::File { size: 0 }, 5, 60);
    owned("var/games/far", Kind::File { size: 0 }, 4_000_000, 60);
    let mut layers = base(folder);
    layers.push(layer.write(folder, "owned.tar"));
    layers
}

fn owners_of_the_base_come_back(_: User) {
    let outcome = Bench::new(
        owned,
        &["cd /var/games; echo 1 >> score; echo 2 >> far; echo 3 > new"],
    )
    .run();
    let expected = [
        "var/ 750 0:0 a directory",
        "var/games/ 750 5:60 a directory",
        "var/games/far 750 4000000:60 2",
        "var/games/new 644 0:0 3",
        "var/games/score 750 5:60 1",
    ];
    assert_eq!(outcome.members(), expected);
}

fn devices_are_made_by_root(user: User) {
    let outcome = Bench::new(base, &["mknod /tmp/null c 1 3"]).run();
    match user {
        User::Root => assert_eq!(outcome.members()[1], "tmp/null 644 0:0 a character device"),
        _ => assert!(
            outcome.output.contains("Operation not permitted"),
            "{outcome:?}"
        ),
    }
}

fn files_are_given_as_they_are(_: User) {
    let mut bench = Bench::new(base, &["mkdir /out; echo 1 > /out/a; ln /out/a /out/b"]);
    bench.job.collect = Collect::Files {
        paths: vec!["/out".to_owned()],
    };
    let expected = [
        "out/ 755 0:0 a directory",
        "out/a 644 0:0 1",
        "out/b 644 0:0 1",
    ];
    assert_eq!(bench.run().members(), expected);
}

fn extended_attributes_are_kept(_: User) {
    // CAP_NET_RAW, permitted and effective.
    let capability = [
        1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let xattrs = vec![
        (b"security.capability".to_vec(), capability.to_vec()),
        (b"user.note".to_vec(), b"text".to_vec()),
    ];
    let layers = |folder: &Path| {
        let mut layer = Layer::default();
        let mut file = member("able", Kind::File { size: 1 }, 0o755);
        file.xattrs.clone_from(&xattrs);
        layer.add(&file, b"x");
        let mut layers = base(folder);
        layers.push(layer.write(folder, "able.tar"));
        layers
    };
    let outcome = Bench::new(layers, &["chmod 700 /able"]).run();
    assert_eq!(outcome.members(), ["able 700 0:0 x"]);
    let mut reader = Reader::new(Path::new("layer"), &outcome.tar[..]);
    let (member, _) = reader.next_member().unwrap().unwrap();
    assert_eq!(member.xattrs, xattrs);
}

fn a_user_of_the_image_runs_the_commands(user: User) {
    let mut bench = Bench::new(base, &["id -u; cd; pwd; touch /tmp/x"]);
    bench.job.user = "user".to_owned();
    bench.request.layers.push({
        let mut open = Layer::default();
        open.directory("tmp/", 0o1777);
        open.directory("home/", 0o755);
        open.directory("home/user/", 0o755);
        open.write(bench.folder.path(), "open.tar")
    });
    let outcome = bench.run();
    match user {
        User::Single => {
            assert_eq!(outcome.code, Some(1));
            assert!(
                outcome.output.contains("there is only one user"),
                "{outcome:?}"
            );
        }
        _ => {
            assert_eq!(outcome.members()[1], "tmp/x 644 1000:1000 ");
            assert_eq!(outcome.output, "1000\n/home/user\n");
        }
    }
}

/// As in a container, whose root is an overlay.
fn a_cache_on_an_overlay_will_do(user: User) {
    let mut bench = Bench::new(base, &["rm -r /bin/true /tmp; echo x > /x"]);
    if user == User::Root {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let folder = bench.folder.path();
        for name in ["lower", "upper", "work", "cache"] {
            std::fs::create_dir(folder.join(name)).unwrap();
        }
        let options = ["lower", "upper", "work"]
            .map(|name| format!("{name}dir={}", folder.join(name).display()));
        let kind = Some("overlay");
        let options = Some(options.join(","));
        let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
        mount(
            kind,
            &folder.join("cache"),
            kind,
            MsFlags::empty(),
            options.as_deref(),
        )
        .unwrap();
        bench.request.cache = folder.join("cache");
    }
    let expected = [
        ".wh.tmp 0 0:0 ",
        "bin/ 755 0:0 a directory",
        "bin/.wh.true 0 0:0 ",
        "x 644 0:0 x",
    ];
    assert_eq!(bench.run().members(), expected);
    assert_eq!(bench.remains(), [""; 0]);
    if user == User::Root {
        umount2(&bench.request.cache, MntFlags::MNT_DETACH).unwrap();
    }
}

fn an_implied_directory_is_as_below(_: User) {
    let layers = |folder: &Path| {
        let mut lower = Layer::default();
        lower.directory("srv/", 0o2775);
        lower.directory("srv/deep/", 0o700);
        let mut upper = Layer::default();
        upper.file("srv/deep/file", 0o644, b"");
        let mut layers = base(folder);
        layers.push(lower.write(folder, "lower.tar"));
        layers.push(upper.write(folder, "upper.tar"));
        layers
    };
    let outcome = Bench::new(layers, &["touch /srv/deep/new"]).run();
    let expected = [
        "srv/ 2775 0:0 a directory",
        "srv/deep/ 700 0:0 a directory",
        "srv/deep/new 644 0:0 ",
    ];
    assert_eq!(outcome.members(), expected);
}

fn the_same_layer_may_be_there_twice(_: User) {
    let layers = |folder: &Path| {
        let mut twice = Layer::default();
        twice.file("file", 0o644, b"twice");
        let twice = twice.write(folder, "twice.tar");
        let mut between = Layer::default();
        between.file(".wh.file", 0, b"");
        let between = between.write(folder, "between.tar");
        [base(folder), vec![twice.clone(), between, twice]].concat()
    };
    let outcome = Bench::new(layers, &["cat /file; touch /x"]).run();
    assert_eq!(
        (outcome.members().len(), outcome.output.as_str()),
        (1, "twice")
    );
}

fn a_hundred_layers_are_mounted(_: User) {
    let layers = |folder: &Path| {
        let mut layers = base(folder);
        for index in 0..120 {
            let mut layer = Layer::default();
            layer.file(&format!("file{index}"), 0o644, b"");
            layers.push(layer.write(folder, &format!("{index}.tar")));
        }
        layers
    };
    let outcome = Bench::new(layers, &["cat /file0 /file119; touch /x"]).run();
    assert_eq!(outcome.members(), ["x 644 0:0 "]);
}
