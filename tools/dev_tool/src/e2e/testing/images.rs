//! Tests of what an image is: what they tell when something differs, and what commands leave behind.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{ensure, Context, Result};

use super::stand::{Stand, NOWHERE};
use crate::command::{finish, output};
use crate::e2e::patience::wait_for;
use crate::e2e::report::Report;

/// How long a container has for its end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Those that every engine must pass.
pub(super) fn engine_cases(report: &mut Report, stand: &Stand<'_>) {
    let mut report = report.of_engine(stand.engine.name());
    report.case("an image's commands do what is expected", || {
        let tested = stand.test("//image_test:app_commands_test", &[])?;
        tested.expect(
            "PASSED",
            &["ok      command greets", "3 passed, 0 failed, 0 skipped"],
        )
    });
    report.case("what differs of an image is told, all of it", || {
        differing(stand)
    });
    report.case("a command that is slow is killed", || {
        let tested = stand.test("//image_test:slow_test", &[])?;
        tested.expect("FAILED", &["FAILED  command sleeps", "ended after 1 s"])?;
        no_container(stand)
    });
    report.case("a killed test leaves no container", || killed(stand));
    report.case(
        "nor does the test after one that was killed too soon",
        || killed_too_soon(stand),
    );
}

/// Those that have nothing to do with the engine.
pub(super) fn cases(report: &mut Report, stand: &Stand<'_>) {
    report.case("an image is tested without an engine", || {
        let tested = stand.test_at(NOWHERE, "//image_test:app_test", &[])?;
        tested.expect(
            "PASSED",
            &["ok      file /srv/app/greeting.txt", "0 failed"],
        )
    });
    report.case("a test of the config has no layer", || config(stand));
    report.case("commands are skipped where the target says so", || {
        let tested = stand.test_at(NOWHERE, "//image_test:skipping_test", &[])?;
        tested.expect(
            "PASSED",
            &["skipped command greets", "1 passed, 0 failed, 1 skipped"],
        )?;
        ensure!(tested.xml[0].contains("<skipped "), "{}", tested.xml[0]);
        let tested = stand.test("//image_test:skipping_test", &[])?;
        tested.expect("PASSED", &["2 passed, 0 failed, 0 skipped"])
    });
    report.case("or fail within a second", || {
        stand.fails_at_once("//image_test:app_commands_test")
    });
    report.case("a filter leaves out cases", || {
        let flags = ["--test_filter=^file /etc/|^user$"];
        let tested = stand.test_at(NOWHERE, "//image_test:app_test", &flags)?;
        tested.expect("PASSED", &["2 passed, 0 failed, 0 skipped; "])
    });
    report.case("each shard has a part of the cases", || {
        let flags = ["--test_sharding_strategy=forced=3"];
        let tested = stand.test_at(NOWHERE, "//image_test:app_test", &flags)?;
        tested.expect("PASSED", &["0 failed, 0 skipped; ", " in other shards"])?;
        ensure!(tested.logs.len() == 3, "it ran {} times", tested.logs.len());
        Ok(())
    });
    report.case("expectations that make no sense", || {
        for (target, part) in [
            (
                "//image_test:contradiction_test",
                "`/etc/passwd` is expected to be there, and `/etc/**` to be absent",
            ),
            (
                "//image_test:pattern_test",
                "`(app` of file /etc/passwd is no regular expression",
            ),
        ] {
            stand.test(target, &[])?.expect("FAILED", &[part])?;
            let result = finish(&mut Command::new(stand.bazel.executable(target)?))?;
            ensure!(result.status.code() == Some(2), "{}", result.status);
        }
        Ok(())
    });
    report.case("commands run in a sandbox without an engine", || {
        let tested = stand.test_at(NOWHERE, "//image_test:sandbox_test", &[])?;
        tested.expect("PASSED", &["2 passed, 0 failed, 0 skipped"])
    });
}

fn differing(stand: &Stand<'_>) -> Result<()> {
    let tested = stand.test("//image_test:differing_test", &[])?;
    tested.expect(
        "FAILED",
        &[
            "cmd: expected [\"/bin/true\"], found [\"/bin/cat\", \"/srv/app/greeting.txt\"]",
            "user: expected `root`, found `app`",
            "env PATH: expected `/usr/bin`, found `/bin`",
            "mode: expected `0600`, found `0644`",
            "owner: expected `root:root` (0:0), found `1000:1000`",
            "content: `^Goodbye` matches nothing in:",
            "-Goodbye.",
            "+Hello from a test's image.",
            "the user `web` of `//image_test:differing_test` is not in `/etc/passwd` of the image",
            "there is nothing at `/srv/none`",
            "`/bin/sh` is a symlink (layer 1 of 3)",
            "`/etc/passwd` is a file (layer 1 of 3)",
            "`/bin/busybox` is a file (layer 1 of 3)",
            "`/bin/become` is a file (layer 3 of 3) with the mode `4755`",
            "`/srv/open.txt` is a file (layer 3 of 3) with the mode `0666`",
            "size of layer 1 of 3, uncompressed:",
            "expected 100.0 KiB (102400 bytes) at most",
            "exit code: expected 3, found 0",
            "-Hello.",
            "the image has no program `/bin/none`",
            "0 passed, 14 failed, 0 skipped",
        ],
    )?;
    let xml = &tested.xml[0];
    ensure!(
        xml.contains("tests=\"14\" failures=\"14\"") && xml.contains("name=\"file /srv/none\""),
        "{xml}"
    );
    Ok(())
}

/// Neither the engine nor a layer is needed: none is carried.
fn config(stand: &Stand<'_>) -> Result<()> {
    let tested = stand.test_at(NOWHERE, "//image_test:config_test", &[])?;
    tested.expect("PASSED", &["2 passed, 0 failed, 0 skipped"])?;
    let mut runfiles = stand
        .bazel
        .executable("//image_test:config_test")?
        .into_os_string();
    runfiles.push(".runfiles_manifest");
    let manifest = std::fs::read_to_string(&runfiles)
        .with_context(|| format!("failed to read `{}`", runfiles.display()))?;
    ensure!(!manifest.contains(".tar"), "{manifest}");
    Ok(())
}

/// Killed in such a way that it can do nothing about it, while its command runs.
fn killed(stand: &Stand<'_>) -> Result<()> {
    kill_at(stand, "--all=false")?;
    no_container(stand)
}

/// The engine keeps a container that was made and not started, so that is for the next test.
fn killed_too_soon(stand: &Stand<'_>) -> Result<()> {
    kill_at(stand, "--all")?;
    // It may have been started meanwhile; this one never is.
    let labels = [
        "--label=rules-stevedore/run=//:killed",
        "--label=rules-stevedore/expires=1",
    ];
    stand
        .engine
        .docker(["create", labels[0], labels[1], "testing/app:latest"])?;
    // Not in Bazel's sandbox, in which nobody knows the process that was killed.
    let mut next = image_test(stand, "//image_test:app_commands_test")?;
    output(&mut next)?;
    no_container(stand)
}

/// Kills a test as soon as `docker ps` with `flag` shows a container.
fn kill_at(stand: &Stand<'_>, flag: &str) -> Result<()> {
    let mut test = image_test(stand, "//image_test:endless_test")?
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("failed to start a test")?;
    let begun = wait_for(PATIENCE, || {
        let containers = stand.engine.docker(["ps", "--quiet", flag])?;
        ensure!(!containers.is_empty(), "no container was made");
        Ok(())
    });
    test.kill().context("failed to kill a test")?;
    test.wait().context("failed to wait for a test")?;
    begun
}

fn image_test(stand: &Stand<'_>, target: &str) -> Result<Command> {
    let mut test = Command::new(stand.bazel.executable(target)?);
    test.env("DOCKER_HOST", stand.proxy.address());
    Ok(test)
}

fn no_container(stand: &Stand<'_>) -> Result<()> {
    wait_for(PATIENCE, || stand.has_no_container())
}
