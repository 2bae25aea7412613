//! `e2e/run`: commands in containers of every engine and in the sandbox, by a real Bazel. What comes out is the same everywhere.

mod layer;
mod refused;
mod secrets;
mod stand;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{ensure, Context, Result};

use super::client::client;
use super::report::Report;
use crate::bazel::Bazel;
use crate::command::output;
use crate::engine::Running;
use crate::workspace::Workspace;
use stand::Stand;

/// The engines in which commands run, and the first one is asked more.
const ENGINES: [&str; 5] = [
    "docker-28",
    "docker-28-containerd",
    "docker-20",
    "podman-5",
    "podman-4",
];

/// What is built by all of them, and must come out the same.
const TARGETS: [&str; 6] = [
    "//:app",
    "//:report",
    "//cases:by_argv",
    "//cases:dated",
    "//cases:kinds",
    "//cases:seen",
];

/// How many layers the base has.
const BASE_LAYERS: usize = 2;

/// What a container of the image says.
const SAYS: &str = "an image that commands made";

/// The digests and texts that came out of the first of them.
type Outcome = BTreeMap<String, String>;

/// Every engine, and the sandbox.
pub(crate) fn cases(report: &mut Report, workspace: &Workspace) -> Result<()> {
    let bazel = Bazel::new(workspace, &workspace.root().join("e2e/run"))?;
    let mut first = None;
    for name in ENGINES {
        let engine = Running::start(workspace, name, "e2e")?;
        let stand = Stand::new(&bazel, Some(engine))?;
        stand_cases(report, stand, &mut first);
    }
    stand_cases(report, Stand::new(&bazel, None)?, &mut first);
    Ok(())
}

fn stand_cases(report: &mut Report, mut stand: Stand<'_>, first: &mut Option<Outcome>) {
    let mut report = report.of_engine(stand.name());
    let mut built = None;
    report.case("commands run", || {
        stand.build(&TARGETS)?;
        built = Some(outcome(&stand)?);
        Ok(())
    });
    let Some(built) = built else {
        report.skip("what commands do", "they do not run");
        return;
    };
    let is_first = first.is_none();
    let first = first.get_or_insert_with(|| built.clone());
    report.case("the same comes out as elsewhere", || same(first, &built));
    report.case("a second build runs nothing", || second(&stand));
    report.case("the machine is not in the action's key", || key(&stand));
    report.case("commands that change nothing, where that is fine", || {
        nothing(&stand)
    });
    report.case("secrets are seen, and masked", || {
        secrets::are_seen_and_masked(&stand)
    });
    report.case("secrets are nowhere", || secrets::are_nowhere(&stand));
    if stand.engine.is_some() {
        report.case("an image of two runs is loaded, and runs", || {
            loaded(&stand)
        });
    }
    if is_first {
        report.case("commands see what they are given", || seen(&stand));
        report.case("files and directories come out", || extracted(&stand));
        report.case("the layer is what was changed", || {
            layer::is_the_change(&stand)
        });
    }
    refused::cases(&mut report, &stand);
    report.case("caches stay", || cached(&mut stand));
    report.case("another secret runs nothing", || {
        secrets::are_in_no_key(&mut stand)
    });
    report.case("nothing is left", || left(&stand));
}

/// What came out of `TARGETS`: digests of layers, and contents of files.
fn outcome(stand: &Stand<'_>) -> Result<Outcome> {
    let mut outcome = Outcome::new();
    for target in ["//:app", "//cases:dated", "//cases:kinds"] {
        let digests = stand.digests(target)?;
        // The base's layers are below those of an image; one of them has the salt.
        let own = match digests.len() {
            1 => &digests[..],
            _ => digests.get(BASE_LAYERS..).unwrap_or_default(),
        };
        outcome.insert(target.to_owned(), own.join(" "));
    }
    for target in ["//:report", "//cases:seen"] {
        for path in stand.files(target, "default")? {
            read_into(&mut outcome, target, &path)?;
        }
    }
    Ok(outcome)
}

fn read_into(outcome: &mut Outcome, name: &str, path: &Path) -> Result<()> {
    let failed = || format!("failed to read `{}`", path.display());
    if !fs::metadata(path).with_context(failed)?.is_dir() {
        let text = fs::read(path).with_context(failed)?;
        outcome.insert(name.to_owned(), String::from_utf8_lossy(&text).into_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        read_into(outcome, &name, &entry.path())?;
    }
    Ok(())
}

fn same(first: &Outcome, found: &Outcome) -> Result<()> {
    for (name, expected) in first {
        let found = found.get(name).map(String::as_str).unwrap_or_default();
        ensure!(
            found == expected,
            "{name} is `{found}`, expected `{expected}`"
        );
    }
    Ok(())
}

fn second(stand: &Stand<'_>) -> Result<()> {
    let ran = stand.runs(&TARGETS)?;
    ensure!(ran.is_empty(), "a second build ran {ran:?}");
    Ok(())
}

fn key(stand: &Stand<'_>) -> Result<()> {
    let actions = stand.actions("RunAndCommit", "//:app")?;
    let expected = match &stand.engine {
        Some(_) => "ExecutionInfo: {no-remote-exec: 1, no-sandbox: 1}",
        None => "ExecutionInfo: {no-sandbox: 1}",
    };
    ensure!(
        actions.contains(expected),
        "`{expected}` is not in\n{actions}"
    );
    let socket = stand.engine.as_ref().map(|engine| engine.host());
    for part in ["HOME", "DOCKER_HOST"].into_iter().chain(socket.as_deref()) {
        ensure!(!actions.contains(part), "`{part}` is in\n{actions}");
    }
    let declared = actions
        .lines()
        .find(|line| line.trim_start().starts_with("Inputs:"))
        .context("the action has no inputs")?;
    ensure!(
        !declared.contains("surroundings"),
        "the machine is an input: {declared}"
    );
    Ok(())
}

fn nothing(stand: &Stand<'_>) -> Result<()> {
    stand.build(&["//cases:nothing_allowed", "--output_groups=default,tar"])?;
    let tar = &stand.files("//cases:nothing_allowed", "tar")?[0];
    let listed = output(std::process::Command::new("tar").arg("-tf").arg(tar))?;
    ensure!(listed.is_empty(), "the layer has {listed}");
    Ok(())
}

fn seen(stand: &Stand<'_>) -> Result<()> {
    let folder = &stand.files("//cases:seen", "default")?[0];
    let read = |name: &str| {
        let file = folder.join(name);
        fs::read_to_string(&file).with_context(|| format!("failed to read `{}`", file.display()))
    };
    for (file, expected) in [
        ("who", "1000\n1000\n/srv/work\n/srv/app\n".to_owned()),
        ("inputs", format!("{SAYS}\na\nb\na\nread-only\n")),
        ("network", "lo\n".to_owned()),
        ("scratch", "tmpfs\n".to_owned()),
        (
            "quoted",
            "ü \" \\ {{KEY}} $(location :files) %s next line\n".to_owned(),
        ),
    ] {
        let found = read(file)?;
        ensure!(
            found == expected,
            "`{file}` is `{found}`, expected `{expected}`"
        );
    }
    let variables = read("env")?;
    for line in ["HOME=/srv/app", "PATH=/bin", "QUOTED=$PATH \"a\" 'b' \\n ü"] {
        ensure!(
            variables.lines().any(|found| found == line),
            "`{line}` is not among\n{variables}"
        );
    }
    Ok(())
}

fn extracted(stand: &Stand<'_>) -> Result<()> {
    // Nothing asked for the program itself: what Bazel has in its disk cache it need not have put into `bazel-bin`.
    stand.build(&["//:busybox"])?;
    let folder = stand.bazel.folder().join("bazel-bin");
    let read = |file: &str| {
        let path = folder.join(file);
        fs::read(&path).with_context(|| format!("failed to read `{}`", path.display()))
    };
    for (file, expected) in [
        ("report.txt", "/srv/tools/one: report\n"),
        ("site/pages/text.txt", "an image that commands made\n"),
    ] {
        let found = String::from_utf8(read(file)?)?;
        ensure!(found == expected, "`{file}` is `{found}`");
    }
    ensure!(
        read("cases/copy")? == read("bin/busybox")?,
        "a program came out different"
    );
    Ok(())
}

fn loaded(stand: &Stand<'_>) -> Result<()> {
    let Some(engine) = &stand.engine else {
        return Ok(());
    };
    output(&mut stand.command("run", &["//:load"]))?;
    let client = client(&engine.name().to_string());
    let said = client.run(engine, "run/app:latest", &[])?;
    ensure!(said.trim() == SAYS, "the container says `{said}`");
    let listed = client.run(engine, "run/app:latest", &["/bin/ls", "/srv/tools"])?;
    ensure!(listed.trim() == "one", "the container has {listed}");
    Ok(())
}

fn cached(stand: &mut Stand<'_>) -> Result<()> {
    let mut counts = Vec::new();
    for _ in 0..2 {
        stand.change_salt()?;
        stand.build(&["//cases:cached"])?;
        let file = &stand.files("//cases:cached", "default")?[0];
        counts.push(fs::read_to_string(file)?.trim().parse::<u32>()?);
    }
    ensure!(counts == [1, 2], "it counted {counts:?}");
    Ok(())
}

/// Of all runs, those that failed too, only the cache is there.
fn left(stand: &Stand<'_>) -> Result<()> {
    let Some(engine) = &stand.engine else {
        return Ok(());
    };
    let containers = engine.docker(["ps", "--all", "--quiet"])?;
    ensure!(containers.is_empty(), "there are containers: {containers}");
    let volumes = engine.docker(["volume", "ls", "--quiet"])?;
    ensure!(
        volumes.trim() == "stevedore-cache-run-e2e-counter",
        "there are volumes: {volumes}"
    );
    Ok(())
}
