//! Tests of how `stevedore-build` is called, and of `tags`.
#![allow(clippy::unwrap_used)]

mod workbench;

use workbench::Workbench;

#[test]
fn version_and_help_are_printed() {
    let bench = Workbench::new();
    let output = bench.run(&["--version"]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("stevedore-build {}\n", env!("CARGO_PKG_VERSION"))
    );
    let help = String::from_utf8(bench.run(&["--help"]).stdout).unwrap();
    for command in [
        "layer",
        "tar-layer",
        "import",
        "config",
        "manifest",
        "layout",
        "index",
        "index-layout",
        "docker-archive",
        "intermediate",
        "tags",
        "destinations",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let bench = Workbench::new();
    let cases: [&[&str]; 5] = [
        &[],
        &["unknown"],
        &["layer"],
        &["layer", "--inputs=x"],
        &["layer", "--inputs=x", "--blob=b", "--compression=lzma"],
    ];
    for arguments in cases {
        assert_eq!(bench.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn arguments_may_come_from_a_file() {
    let bench = Workbench::new();
    bench.write(
        "params",
        "tags\n--label=//app:tags\n--tag=app:with space\n--output=tags.txt\n",
    );
    let message = bench.fail(&["@params"]);
    assert!(message.contains("`app:with space`"), "{message}");
    bench.write(
        "params",
        "tags\n--label=//app:tags\n--tag=app:dev\n--output=tags.txt\n",
    );
    bench.succeed(&["@params"]);
    assert_eq!(bench.text("tags.txt"), "app:dev\n");
    let message = bench.fail(&["@missing"]);
    assert!(
        message.starts_with("error: failed to read the arguments in `missing`"),
        "{message}"
    );
}

#[test]
fn tags_are_normalized_stamped_and_unique() {
    let bench = Workbench::new();
    bench.write(
        "more.txt",
        "# released\nghcr.io/x/app:{{STABLE_VERSION}}\n\napp:dev\n",
    );
    bench.write("stable.txt", "STABLE_VERSION 1.2.3\n");
    bench.write("volatile.txt", "BUILD_TIMESTAMP 17\n");
    let unstamped = [
        "tags",
        "--label=//a:t",
        "--tag=docker.io/library/app:dev",
        "--tag=app",
        "--tags-file=more.txt",
        "--output=out",
    ];
    bench.succeed(&unstamped);
    assert_eq!(
        bench.text("out"),
        "app:dev\napp:latest\nghcr.io/x/app:unstamped\n"
    );
    let status = [
        "--stable-status=stable.txt",
        "--volatile-status=volatile.txt",
    ];
    bench.succeed(&[&unstamped[..], &status, &["--tag=x:{{BUILD_TIMESTAMP}}"]].concat());
    assert_eq!(
        bench.text("out"),
        "app:dev\napp:latest\nx:17\nghcr.io/x/app:1.2.3\n"
    );
    let message = bench.fail(
        &[
            &["tags", "--label=//a:t", "--tag=x:{{USER}}", "--output=new"],
            &status[..],
        ]
        .concat(),
    );
    for part in [
        "`//a:t`",
        "`{{USER}}`",
        "`x:{{USER}}`",
        "`BUILD_TIMESTAMP`, `STABLE_VERSION`",
    ] {
        assert!(message.contains(part), "{message}");
    }
}
