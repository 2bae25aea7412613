//! Tests of `destinations`.
#![allow(clippy::unwrap_used)]

mod workbench;

use serde_json::json;
use workbench::{assert_contains, Workbench};

const LABEL: &str = "--label=//app:push";

#[test]
fn a_repository_and_tags_come_from_arguments_or_files() {
    let bench = Workbench::new();
    bench.write("repository.txt", "ghcr.io/{{ORG}}/app\n");
    bench.write("tags.txt", "# released\nv{{STABLE_VERSION}}\n\nlatest\n");
    bench.write("stable.txt", "STABLE_VERSION 1.2.3\n");
    bench.write("volatile.txt", "ORG acme\n");
    let arguments = ["destinations", LABEL];
    let status = [
        "--stable-status=stable.txt",
        "--volatile-status=volatile.txt",
    ];
    let images = [
        "--",
        "--image=//app:image",
        "--repository-file=repository.txt",
        "--tags-file=tags.txt",
        "--output=files.json",
        "--image=//app:other",
        "--repository=docker.io/library/other",
        "--tag=v1",
        "--tag={{ORG}}",
        "--output=arguments.json",
    ];
    bench.succeed(&[&arguments[..], &images].concat());
    assert_eq!(
        bench.json("files.json"),
        json!([{"repository": "ghcr.io/unstamped/app", "tags": ["vunstamped", "latest"]}])
    );
    bench.succeed(&[&arguments[..], &status, &images].concat());
    assert_eq!(
        bench.json("files.json"),
        json!([{"repository": "ghcr.io/acme/app", "tags": ["v1.2.3", "latest"]}])
    );
    assert_eq!(
        bench.json("arguments.json"),
        json!([{"repository": "other", "tags": ["v1", "acme"]}])
    );
}

#[test]
fn references_are_put_together_by_repository() {
    let bench = Workbench::new();
    bench.succeed(&[
        "destinations",
        LABEL,
        "--",
        "--image=//app:image",
        "--reference=ghcr.io/x/app:v1",
        "--reference=localhost:5000/app",
        "--reference=ghcr.io/x/app:{{KEY}}",
        "--output=out.json",
    ]);
    assert_eq!(
        bench.text("out.json"),
        r#"[{"repository":"ghcr.io/x/app","tags":["v1","unstamped"]},{"repository":"localhost:5000/app","tags":[]}]"#
    );
}

#[test]
fn a_wrong_destination_names_the_target_and_the_image() {
    let bench = Workbench::new();
    bench.write("empty.txt", "# nothing\n");
    let long = format!("--tag={}", "x".repeat(129));
    let cases: [(&[&str], &str); 5] = [
        (
            &["--repository=Ghcr.io/X"],
            "`Ghcr.io/X` is not a repository",
        ),
        (
            &["--repository=ghcr.io/x/app:v1"],
            "write `ghcr.io/x/app` alone; what is pushed gets `v1` by `remote_tags`",
        ),
        (
            &["--repository=ghcr.io/x/app", &long],
            "(129 characters) is not a tag",
        ),
        (
            &["--repository-file=empty.txt"],
            "`empty.txt` has 0 lines with a repository",
        ),
        (
            &["--repository-file=missing.txt"],
            "failed to read `missing.txt`",
        ),
    ];
    for (arguments, expected) in cases {
        let start = ["destinations", LABEL, "--", "--image=//app:image"];
        let message = bench.fail(&[&start[..], arguments, &["--output=new"]].concat());
        assert_contains(
            &message,
            &[
                "error: failed to resolve the destinations of `//app:push`\n",
                "caused by: the image `//app:image` cannot be pushed there\n",
                expected,
            ],
        );
    }
}

#[test]
fn two_images_cannot_have_one_tag() {
    let bench = Workbench::new();
    let message = bench.fail(&[
        "destinations",
        LABEL,
        "--",
        "--image=//app:one",
        "--reference=ghcr.io/x/app:{{ONE}}",
        "--output=one.json",
        "--image=//app:two",
        "--reference=ghcr.io/x/app:{{TWO}}",
        "--output=two.json",
    ]);
    assert_contains(
        &message,
        &["`ghcr.io/x/app:unstamped`", "`//app:one` and `//app:two`"],
    );
}
