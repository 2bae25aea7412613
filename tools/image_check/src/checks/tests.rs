//! Whole images, compared with expectations.

use std::fs;
use std::path::PathBuf;

use stevedore_image::archive::{self, Kind, Member};

use super::*;
use crate::case::Outcome;

/// A layer's tar of entries: a name, `d`, `f`, or `l`, a mode, an owner, and the content or where it leads.
fn tar(entries: &[(&str, char, u32, u64, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, kind, mode, owner, text) in entries {
        let content = if *kind == 'f' { text.as_bytes() } else { b"" };
        bytes.extend(archive::header(&Member {
            name: name.as_bytes().to_vec(),
            kind: match kind {
                'd' => Kind::Directory,
                'l' => Kind::Symlink {
                    target: text.as_bytes().to_vec(),
                },
                _ => Kind::File {
                    size: content.len() as u64,
                },
            },
            mode: *mode,
            uid: *owner,
            gid: *owner,
            mtime: 0,
            xattrs: Vec::new(),
        }));
        bytes.extend(content);
        bytes.extend(archive::padding(content.len() as u64));
    }
    bytes.extend(archive::end_of_archive());
    bytes
}

/// A system with a shell, and an application that removes something of it.
fn file_system() -> FileSystem {
    of_layers(&[
        tar(&[
            ("bin", 'l', 0o777, 0, "usr/bin"),
            (
                "etc/passwd",
                'f',
                0o644,
                0,
                "root:x:0:0::/:/bin/sh\napp:x:100:100::/:\n",
            ),
            ("etc/group", 'f', 0o644, 0, "app:x:100:\n"),
            ("etc/motd", 'f', 0o644, 0, "hello\nold world\n"),
            ("tmp/", 'd', 0o1777, 0, ""),
            ("usr/bin/dash", 'f', 0o755, 0, "#!"),
            ("usr/bin/sh", 'l', 0o777, 0, "dash"),
            ("usr/bin/su", 'f', 0o4755, 0, ""),
            ("var/gone", 'f', 0o644, 0, ""),
        ]),
        tar(&[
            ("app/", 'd', 0o755, 100, ""),
            ("app/conf", 'f', 0o640, 100, "port = 80\n"),
            ("app/open", 'f', 0o666, 100, ""),
            ("app/link", 'l', 0o777, 0, "conf"),
            ("var/.wh.gone", 'f', 0o644, 0, ""),
        ]),
    ])
}

fn of_layers(layers: &[Vec<u8>]) -> FileSystem {
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..layers.len())
        .map(|index| directory.path().join(format!("{index}.tar")))
        .collect();
    for (path, layer) in paths.iter().zip(layers) {
        fs::write(path, layer).unwrap();
    }
    FileSystem::read(&paths).unwrap()
}

/// The cases that failed, each with its differences, of what is expected in JSON.
fn failures(expected: &str) -> Vec<(String, Vec<String>)> {
    failures_in(file_system(), expected)
}

fn failures_in(files: FileSystem, expected: &str) -> Vec<(String, Vec<String>)> {
    let expected = serde_json::from_str(expected).unwrap();
    let checks = Checks::new("//app:test", expected).unwrap();
    let contents = checks.read(files).unwrap();
    let subject = Subject {
        config: &ImageConfig::default(),
        sizes: &[1, 2],
        contents: Some(&contents),
    };
    let cases = checks.examine(&subject).unwrap();
    assert_eq!(cases.len(), checks.len());
    cases
        .into_iter()
        .filter_map(|case| match case.outcome {
            Outcome::Failed(differences) => Some((case.name, differences)),
            _ => None,
        })
        .collect()
}

/// The differences of the only case that failed.
fn differences(expected: &str) -> Vec<String> {
    let mut failures = failures(expected);
    assert_eq!(failures.len(), 1, "{failures:?}");
    failures.remove(0).1
}

#[test]
fn an_image_as_it_is_expected_passes() {
    let expected = r#"{
        "layers": {"count": 2},
        "files": {
            "/app/conf": {"type": "file", "mode": "0640", "owner": "app:app", "content": {"text": "port = 80\n"}},
            "/app/link": {"content": {"matches": ["^port = \\d+$"], "lacks": ["443"]}},
            "/bin/sh": {"type": "symlink", "target": "dash"},
            "/bin": {"type": "directory"},
            "/tmp": {"mode": "1777", "owner": "0:0"}
        },
        "absent": ["/var/gone", "/**/*.py", "/usr/share/**"],
        "policies": ["no_shell", "no_setuid", "no_world_writable"],
        "exempt": ["/usr/bin/*", "/app/open"]
    }"#;
    assert_eq!(failures(expected), []);
}

#[test]
fn all_differences_of_a_file_are_told_at_once() {
    assert_eq!(
        differences(
            r#"{"files": {"/app/conf": {"type": "directory", "mode": "755", "owner": "root:root",
                "content": {"lacks": ["80"]}}}}"#
        ),
        [
            "type: expected a directory, found a file",
            "mode: expected `0755`, found `0640`",
            "owner: expected `root:root` (0:0), found `100:100`",
            "content: `80` matches `80` in line 1, expected nothing that it matches",
            "`/app/conf` is a file (layer 2 of 2)",
        ]
    );
}

#[test]
fn a_text_differs_line_by_line() {
    let differences =
        differences(r#"{"files": {"/etc/motd": {"content": {"text": "hello\nnew world\n"}}}}"#);
    assert_eq!(
        differences[0],
        "content differs:\n--- expected\n+++ found\n@@ -1,2 +1,2 @@\n hello\n-new world\n+old world"
    );
}

#[test]
fn a_file_is_compared_with_one_of_this_machine() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("conf");
    for (content, is_equal) in [("port = 80\n", true), ("port = 81\n", false)] {
        fs::write(&path, content).unwrap();
        let expected = serde_json::json!({"files": {"/app/conf": {"content_file": path}}});
        assert_eq!(
            failures(&expected.to_string()).is_empty(),
            is_equal,
            "{content}"
        );
    }
}

#[test]
fn what_cannot_be_compared_is_told() {
    for (file, message) in [
        (r#""/app": {"content": {"text": ""}}"#, "content: expected a file, found a directory"),
        (r#""/app/x": {}"#, "there is nothing at `/app/x`"),
        (
            r#""/app/conf": {"target": "x"}"#,
            "target: expected a symlink to `x`, found a file",
        ),
        (
            r#""/app": {"owner": "web:app"}"#,
            "owner: the user `web` of `//app:test` is not in `/etc/passwd` of the image: write its number, or add it to the \
             image's `/etc/passwd`",
        ),
    ] {
        let found = differences(&format!(r#"{{"files": {{{file}}}}}"#));
        assert_eq!(found[0], message);
    }
}

#[test]
fn what_should_not_be_there_is_told_with_its_layer() {
    assert_eq!(
        differences(r#"{"absent": ["/bin/sh"]}"#),
        ["`/bin/sh` is a symlink (layer 1 of 2)"]
    );
    assert_eq!(
        differences(r#"{"absent": ["/app/*n*"]}"#),
        [
            "`/app/conf` is a file (layer 2 of 2)",
            "`/app/link` is a symlink (layer 2 of 2)",
            "`/app/open` is a file (layer 2 of 2)",
        ]
    );
}

#[test]
fn policies_tell_what_violates_them() {
    assert_eq!(
        differences(r#"{"policies": ["no_shell"]}"#),
        [
            "`/usr/bin/dash` is a file (layer 1 of 2)",
            "`/usr/bin/sh` is a symlink (layer 1 of 2), to `dash`",
        ]
    );
    assert_eq!(
        differences(r#"{"policies": ["no_setuid"]}"#),
        ["`/usr/bin/su` is a file (layer 1 of 2) with the mode `4755`"]
    );
    assert_eq!(
        differences(r#"{"policies": ["no_world_writable"]}"#),
        ["`/app/open` is a file (layer 2 of 2) with the mode `0666`"]
    );
}

#[test]
fn policies_are_about_the_root_too() {
    let files = || of_layers(&[tar(&[("./", 'd', 0o777, 0, "")])]);
    let expected = r#"{"policies": ["no_world_writable"], "absent": ["/**", "/*"]}"#;
    let told = "`/` is a directory (layer 1 of 1) with the mode `0777`";
    assert_eq!(
        failures_in(files(), expected),
        [("no world-writable".to_owned(), vec![told.to_owned()])]
    );
    let exempt = r#"{"policies": ["no_world_writable"], "exempt": ["/"]}"#;
    assert_eq!(failures_in(files(), exempt), []);
}

#[test]
fn no_name_of_an_image_forges_a_line() {
    let files = || {
        of_layers(&[tar(&[
            ("a\n        ok      no setuid", 'f', 0o4777, 0, ""),
            ("bin/sh", 'l', 0o777, 0, "\u{1b}[2K"),
        ])])
    };
    let forged = "`/a\\n        ok      no setuid` is a file (layer 1 of 1)";
    for (expected, told) in [
        (
            r#"{"policies": ["no_setuid"]}"#,
            format!("{forged} with the mode `4777`"),
        ),
        (r#"{"absent": ["/a*"]}"#, forged.to_owned()),
        (
            r#"{"policies": ["no_shell"]}"#,
            "`/bin/sh` is a symlink (layer 1 of 1), to `\\u{1b}[2K`".to_owned(),
        ),
        (
            r#"{"files": {"/bin/sh": {"target": "dash"}}}"#,
            "target: expected `dash`, found `\\u{1b}[2K`".to_owned(),
        ),
    ] {
        let failures = failures_in(files(), expected);
        assert_eq!(failures[0].1[0], told);
    }
}

#[test]
fn only_what_is_wanted_is_looked_at() {
    let expected = r#"{"config": {"user": "x"}, "layers": {"max_size": 1}, "files": {"/app/conf": {}},
        "commands": [{"name": "v"}]}"#;
    let mut checks = Checks::new("//app:test", serde_json::from_str(expected).unwrap()).unwrap();
    assert_eq!(checks.len(), 4);
    let all = Needs {
        sizes: true,
        files: true,
        commands: true,
    };
    assert_eq!(checks.needs(), all);
    checks.keep(|name| name == "user");
    assert_eq!(checks.len(), 1);
    let none = Needs {
        sizes: false,
        files: false,
        commands: false,
    };
    assert_eq!(checks.needs(), none);
}

#[test]
fn malformed_and_contradictory_expectations_are_refused() {
    for (expected, message) in [
        (
            r#"{"files": {"/a/b": {}}, "absent": ["/a/**"]}"#,
            "`/a/b` is expected to be there, and `/a/**` to be absent",
        ),
        (
            r#"{"files": {"/a": {"mode": "9"}}}"#,
            "the mode `9` of `/a` is not an octal number",
        ),
        (
            r#"{"files": {"/a": {"content": {"matches": ["("]}}}}"#,
            "`(` of file /a is no regular expression",
        ),
        (
            r#"{"absent": ["a"]}"#,
            "`absent` of `//app:test` has the value `a`",
        ),
        (r#"{"files": {"/a": {"owner": ""}}}"#, "owner"),
    ] {
        let expected = serde_json::from_str(expected).unwrap();
        let error = Checks::new("//app:test", expected).unwrap_err();
        assert!(error.is_about_expectations(), "{error}");
        assert!(error.to_string().contains(message), "{error}");
    }
}
