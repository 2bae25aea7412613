//! Tests of `stevedore-build layer`.
#![allow(clippy::unwrap_used)]

mod workbench;

use std::fs;

use serde_json::{json, Value};
use stevedore_image::compression::Compression;
use workbench::{assert_contains, compressed, content, file, gnu_tar, place, plain, Workbench};

#[test]
fn everything_that_can_be_placed_is_in_the_tar() {
    let bench = Workbench::new();
    bench.write("out/app", "binary");
    bench.write("out/data.txt", "data");
    bench.write("out/tree/b/two", "2");
    bench.write("out/tree/a", "1");
    fs::create_dir(bench.path("out/tree/nothing")).unwrap();
    let listing = bench.layer(
        json!({"owner": "1000:1001", "mode": "0640", "mtime": 5}),
        &[
            place("/srv/app"),
            json!({"file": "out/app", "to": "", "executable": true}),
            json!({"place": {"path": "/srv/app.runfiles", "label": "//cmd:app", "executable": "/srv/app"}}),
            json!({"file": "out/app", "to": "_main/cmd/app", "executable": true}),
            json!({"file": "out/data.txt", "to": "_main/data.txt", "executable": true}),
            json!({"empty": "_main/__init__.py"}),
            json!({"link": "_main/link", "target": "../x"}),
            place("/tree"),
            json!({"tree": "out/tree", "to": ""}),
            json!({"symlink": "/bin/app", "target": "/srv/app"}),
            json!({"dir": "/var/tmp"}),
            json!({"dir": "/var/empty"}),
        ],
    );
    assert_eq!(
        listing,
        [
            "s 0777 1000:1001 5 0 bin/app -> /srv/app",
            "d 0755 0:0 5 0 srv/",
            "f 0750 1000:1001 5 6 srv/app",
            "d 0755 0:0 5 0 srv/app.runfiles/",
            "d 0755 0:0 5 0 srv/app.runfiles/_main/",
            "f 0640 1000:1001 5 0 srv/app.runfiles/_main/__init__.py",
            "d 0755 0:0 5 0 srv/app.runfiles/_main/cmd/",
            "s 0777 1000:1001 5 0 srv/app.runfiles/_main/cmd/app -> ../../../app",
            "f 0750 1000:1001 5 4 srv/app.runfiles/_main/data.txt",
            "s 0777 1000:1001 5 0 srv/app.runfiles/_main/link -> ../x",
            "d 0755 1000:1001 5 0 tree/",
            "f 0750 1000:1001 5 1 tree/a",
            "d 0755 1000:1001 5 0 tree/b/",
            "f 0750 1000:1001 5 1 tree/b/two",
            "d 0755 0:0 5 0 var/",
            "d 0755 1000:1001 5 0 var/empty/",
            "d 1777 1000:1001 5 0 var/tmp/",
        ]
    );
    assert_eq!(content(&bench.read("layer.tar"), "tree/b/two"), b"2");
}

/// The digest is an interface: another one here means that every layer of every user changes.
#[test]
fn the_bytes_depend_on_the_inputs_alone() {
    let expected = "sha256:7c835430dcbab1165eaa87db1d49a6f35c3ce9e29d5d022d9d061fee76bdd76e";
    let orders = [["b", "a", "c/d"], ["c/d", "b", "a"]];
    let mut found = Vec::new();
    for (names, (umask, zone)) in orders.iter().zip([("022", "UTC"), ("077", "Asia/Tokyo")]) {
        let bench = Workbench::new();
        for name in names {
            bench.write(&format!("tree/{name}"), name);
        }
        bench.recipe(
            json!({"mtime": 1_700_000_000}),
            &[place("/x"), json!({"tree": "tree", "to": ""})],
        );
        let script = format!("umask {umask}; exec \"$@\"");
        let status = std::process::Command::new("sh")
            .args(["-c", &script, "sh"])
            .arg(bench.command().get_program())
            .args([
                "layer",
                "--inputs=layer.jsonl",
                "--description=layer.json",
                "--tar=layer.tar",
                "--blob=layer.tar.gz",
                "--blob-description=blob.json",
            ])
            .current_dir(bench.path(""))
            .env("TZ", zone)
            .status()
            .unwrap();
        assert!(status.success());
        let description = bench.json("layer.json");
        let tar = bench.read("layer.tar");
        assert_eq!(description["size"], tar.len());
        let digest = stevedore_image::digest::Digest::of(&tar).to_string();
        assert_eq!(description["diff_id"], digest.as_str());
        let blob = bench.read("layer.tar.gz");
        assert_eq!(compressed(Compression::Gzip, &tar), blob);
        assert_eq!(
            bench.json("blob.json"),
            json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": stevedore_image::digest::Digest::of(&blob),
                "size": blob.len(),
            })
        );
        found.push(digest);
    }
    assert_eq!(found, [expected, expected]);
}

#[test]
fn every_output_can_be_had_alone() {
    let bench = Workbench::new();
    bench.write("a", "content");
    bench.recipe(json!({}), &[place("/a"), file("a", "")]);
    let inputs = "--inputs=layer.jsonl";
    bench.succeed(&["layer", inputs, "--description=1.json"]);
    bench.succeed(&["layer", inputs, "--tar=1.tar"]);
    for compression in ["gzip", "zstd", "none"] {
        let flag = format!("--compression={compression}");
        bench.succeed(&["layer", inputs, "--blob=1.blob", &flag]);
        bench.succeed(&["layer", inputs, "--blob-description=1.blob.json", &flag]);
        let digest = stevedore_image::digest::Digest::of(&bench.read("1.blob"));
        assert_eq!(bench.json("1.blob.json")["digest"], digest.to_string());
    }
    assert_eq!(bench.read("1.blob"), bench.read("1.tar"));
    assert_eq!(
        bench.json("1.json")["diff_id"],
        bench.json("1.blob.json")["digest"]
    );
    assert_eq!(
        bench.json("1.blob.json")["mediaType"],
        "application/vnd.oci.image.layer.v1.tar"
    );
}

#[test]
fn a_later_glob_wins_field_by_field() {
    let bench = Workbench::new();
    bench.write("a", "");
    let listing = bench.layer(
        json!({"metadata": [
            ["/app/**", {"owner": "5", "mode": "0600", "mtime": 1}],
            ["/**/b", {"mode": "4755"}],
            ["/app", {"mtime": 2}],
            ["/app/b", {"owner": "6:7"}],
        ]}),
        &[
            place("/app"),
            file("a", "a"),
            file("a", "b"),
            file("a", "c/d"),
            json!({"symlink": "/app/s", "target": "a"}),
        ],
    );
    assert_eq!(
        listing,
        [
            "d 0755 0:0 2 0 app/",
            "f 0600 5:5 1 0 app/a",
            "f 4755 6:7 1 0 app/b",
            "d 0700 5:5 1 0 app/c/",
            "f 0600 5:5 1 0 app/c/d",
            "s 0777 5:5 1 0 app/s -> a",
        ]
    );
    let message = bench.no_layer(
        json!({"metadata": [["/ap/**", {"mode": "0600"}]]}),
        &[place("/app"), file("a", "a")],
    );
    assert_contains(&message, &["`//app:layer`", "`/ap/**`", "`/app`, `/app/a`"]);
}

#[test]
fn owners_have_names_of_the_layer_or_of_the_files_given() {
    let bench = Workbench::new();
    bench.write("passwd", "app:x:100:101::/:\n");
    bench.write("other", "app:x:1:1::/:\nweb:x:200:201::/:\n");
    bench.write("group", "staff:x:50:\n");
    let lines = [
        place("/etc"),
        file("passwd", "passwd"),
        place("/x"),
        file("group", ""),
    ];
    let listing = bench.layer(json!({"owner": "app"}), &lines);
    assert_eq!(listing.last().unwrap(), "f 0644 100:101 0 12 x");
    let files = json!({"owner": "web:staff", "passwd": "other", "group": "group"});
    assert_eq!(
        bench.layer(files, &lines).last().unwrap(),
        "f 0644 200:50 0 12 x"
    );
    assert_eq!(
        bench.layer(json!({"owner": "root"}), &lines[2..]),
        ["f 0644 0:0 0 12 x"]
    );
    let message = bench.no_layer(json!({"owner": "web"}), &lines);
    assert_contains(
        &message,
        &["user `web` of `//app:layer`", "`/etc/passwd` of the layer"],
    );
    let message = bench.no_layer(json!({"owner": "web"}), &lines[2..]);
    assert_contains(
        &message,
        &["which has no `/etc/passwd`", "write its number"],
    );
}

#[test]
fn names_may_be_long_and_of_any_script() {
    let bench = Workbench::new();
    bench.write("a", "content");
    let long = "n".repeat(200);
    let deep = format!("{}/x", vec!["directory"; 40].join("/"));
    bench.layer(
        json!({}),
        &[
            place("/"),
            file("a", &long),
            file("a", &deep),
            file("a", "grüße/日本語"),
            json!({"symlink": "/link", "target": format!("/{deep}")}),
        ],
    );
    let archive = bench.read("layer.tar");
    for name in [&long, &deep, "grüße/日本語"] {
        assert_eq!(content(&archive, name), b"content");
    }
    let target = format!("link -> /{deep}");
    assert!(workbench::listing(&archive)
        .iter()
        .any(|line| line.ends_with(&target)));
}

#[test]
fn parents_are_added_or_not() {
    let bench = Workbench::new();
    bench.write("a", "");
    let lines = [place("/"), file("a", "root/x"), file("a", "tmp/x")];
    assert_eq!(
        bench.layer(json!({}), &lines),
        [
            "d 0700 0:0 0 0 root/",
            "f 0644 0:0 0 0 root/x",
            "d 1777 0:0 0 0 tmp/",
            "f 0644 0:0 0 0 tmp/x",
        ]
    );
    assert_eq!(
        bench.layer(json!({"create_parents": false}), &lines),
        ["f 0644 0:0 0 0 root/x", "f 0644 0:0 0 0 tmp/x"]
    );
    assert_eq!(bench.layer(json!({}), &[]), [""; 0]);
    assert_eq!(bench.read("layer.tar").len(), 1024);
}

#[test]
fn a_parent_that_is_a_symlink_in_many_bases_is_not_replaced() {
    let bench = Workbench::new();
    bench.write("a", "");
    let lines = [place("/"), file("a", "lib/modules/x"), file("a", "bin/x")];
    assert_eq!(
        bench.layer(json!({}), &lines),
        [
            "f 0644 0:0 0 0 bin/x",
            "d 0755 0:0 0 0 lib/modules/",
            "f 0644 0:0 0 0 lib/modules/x",
        ]
    );
    let asked = [place("/"), file("a", "bin/x"), json!({"dir": "/bin"})];
    assert_eq!(bench.layer(json!({}), &asked)[0], "d 0755 0:0 0 0 bin/");
}

#[test]
fn the_root_has_an_entry_only_if_it_is_asked_for() {
    let bench = Workbench::new();
    bench.write("tree/a/b", "");
    let lines = [
        place("/"),
        json!({"file": "tree", "to": ""}),
        json!({"dir": "/"}),
    ];
    let owner = json!({"owner": "5:5"});
    let listing = bench.layer(owner.clone(), &lines[..2]);
    assert_eq!(listing, ["d 0755 5:5 0 0 a/", "f 0755 5:5 0 0 a/b"]);
    assert_eq!(bench.layer(owner, &lines)[0], "d 0755 5:5 0 0 ./");
}

#[test]
fn a_path_with_two_sources_is_an_error_that_names_both() {
    let bench = Workbench::new();
    bench.write("out/a", "1");
    bench.write("out/b", "2");
    bench.write("t/x", "3");
    bench.write("c.tar", gnu_tar(&[("x", &plain, b"4")]));
    let other = json!({"place": {"path": "/x", "label": "//other:lib"}});
    let tar = json!({"tar": "c.tar", "label": "//c:tar"});
    let cases: [(&[Value], &[&str]); 6] = [
        (
            &[
                place("/x"),
                file("out/a", ""),
                other.clone(),
                file("out/b", ""),
            ],
            &["`/x`", "`out/a` of `//cmd:app`", "`out/b` of `//other:lib`"],
        ),
        (
            &[place("/x"), file("out/a", ""), tar.clone()],
            &["`/x`", "`out/a` of `//cmd:app`", "`c.tar` of `//c:tar`"],
        ),
        (
            &[place("/x"), file("out/a", ""), json!({"dir": "/x"})],
            &[
                "`/x`",
                "`out/a` of `//cmd:app`",
                "a directory (of `//app:layer`)",
            ],
        ),
        (
            &[json!({"symlink": "/x", "target": "y"}), tar.clone()],
            &[
                "a symlink to `y` (of `//app:layer`)",
                "`c.tar` of `//c:tar`",
            ],
        ),
        (
            &[
                place("/x"),
                file("out/a", ""),
                place("/x/y/z"),
                file("out/b", ""),
            ],
            &[
                "`/x/y/z`",
                "`out/b` of `//cmd:app`",
                "lies below `/x`",
                "`out/a` of `//cmd:app`",
            ],
        ),
        (
            &[
                json!({"symlink": "/x", "target": "y"}),
                place("/x"),
                json!({"tree": "t", "to": ""}),
            ],
            &["`/x`", "a symlink to `y`", "a directory (of `//cmd:app`)"],
        ),
    ];
    for (lines, parts) in cases {
        assert_contains(&bench.no_layer(json!({}), lines), parts);
    }
}

#[test]
fn the_same_thing_twice_is_no_conflict() {
    let bench = Workbench::new();
    bench.write("out/a", "1");
    let listing = bench.layer(
        json!({}),
        &[
            place("/x"),
            file("out/a", "a"),
            file("out/a", "a"),
            json!({"empty": "e"}),
            json!({"empty": "e"}),
            json!({"dir": "/x"}),
            json!({"dir": "/x/"}),
        ],
    );
    assert_eq!(
        listing,
        [
            "d 0755 0:0 0 0 x/",
            "f 0644 0:0 0 1 x/a",
            "f 0644 0:0 0 0 x/e"
        ]
    );
}

#[cfg(unix)]
#[test]
fn symlinks_on_disk_are_followed() {
    use std::os::unix::fs::symlink;
    let bench = Workbench::new();
    bench.write("real/file", "content");
    fs::create_dir(bench.path("tree")).unwrap();
    symlink(bench.path("real"), bench.path("tree/directory")).unwrap();
    symlink("../real/file", bench.path("tree/file")).unwrap();
    let lines = [place("/t"), json!({"tree": "tree", "to": ""})];
    assert_eq!(
        bench.layer(json!({}), &lines),
        [
            "d 0755 0:0 0 0 t/",
            "d 0755 0:0 0 0 t/directory/",
            "f 0755 0:0 0 7 t/directory/file",
            "f 0755 0:0 0 7 t/file",
        ]
    );
    symlink("nowhere", bench.path("tree/dangling")).unwrap();
    let message = bench.no_layer(json!({}), &lines);
    assert_contains(
        &message,
        &["`tree/dangling` of `//cmd:app`", "symlink to nothing"],
    );
    fs::remove_file(bench.path("tree/dangling")).unwrap();
    symlink("..", bench.path("tree/up")).unwrap();
    let message = bench.no_layer(json!({}), &lines);
    assert_contains(&message, &["of `//cmd:app` contains itself"]);
}

#[test]
fn inputs_that_are_missing_or_malformed_are_named() {
    let bench = Workbench::new();
    bench.write("a", "");
    let message = bench.no_layer(json!({}), &[place("/x"), file("missing", "")]);
    assert_contains(
        &message,
        &["`//app:layer`", "caused by: failed to read `missing`"],
    );
    let message = bench.no_layer(json!({}), &[json!({"tar": "missing.tar"})]);
    assert_contains(&message, &["failed to open `missing.tar`"]);
    for (spec, part) in [
        (json!({"mode": "rw"}), "`rw` is not a mode"),
        (json!({"mode": "0999"}), "`0999` is not a mode"),
        (json!({"owner": "a:b:c"}), "`a:b:c` is not an owner"),
        (
            json!({"metadata": [["app", {}]]}),
            "`metadata` of `//app:layer`",
        ),
    ] {
        let message = bench.no_layer(spec, &[place("/x"), file("a", "")]);
        assert_contains(&message, &[part]);
    }
}
