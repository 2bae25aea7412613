//! Importing what `docker save` writes, against `tar -x` and `sha256sum` of the same file.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::action::ToolRun;
use super::subject::{ARCHIVE, IMAGE};
use crate::bazel::Bazel;
use crate::bench::table::{Goal, Table};
use crate::bench::target::seconds;
use crate::clock::{median, peak_memory};
use crate::command::run;
use crate::engine::Running;
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// What the action writes.
const OUTPUTS: &[&str] = &[
    "--output",
    "--config",
    "--manifest",
    "--digest",
    "--description",
];

pub(super) fn measure(
    workspace: &Workspace,
    bazel: &Bazel<'_>,
    runs: usize,
    table: &mut Table,
) -> Result<()> {
    let archive = bazel.folder().join(ARCHIVE);
    if !archive.exists() {
        save(workspace, bazel, &archive)?;
    }
    let (mut own, mut tar, mut sum) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        own.push(in_scratch(workspace, |folder| {
            let import =
                ToolRun::prepare(bazel, ("ImportArchive", "//:imported"), OUTPUTS, folder)?;
            seconds(|| run(&mut import.command()))
        })?);
        tar.push(in_scratch(workspace, |folder| {
            let mut extract = Command::new("tar");
            extract.arg("-xf").arg(&archive).arg("-C").arg(folder);
            seconds(|| run(&mut extract))
        })?);
        sum.push(seconds(|| run(Command::new("sha256sum").arg(&archive)))?);
    }
    let (own, tar, sum) = (median(&own), median(&tar), median(&sum));
    table.figure("import of a docker-save tar of 1 GiB: time", own, "s");
    table.figure("tar -x of the same", tar, "s");
    table.figure("sha256sum of the same", sum, "s");
    table.goal(
        "import: time against tar -x and sha256sum",
        Goal::AtMost(1.3),
        own / (tar + sum),
        "times",
    );
    let memory = in_scratch(workspace, |folder| {
        let import = ToolRun::prepare(bazel, ("ImportArchive", "//:imported"), OUTPUTS, folder)?;
        peak_memory(&import.command())
    })?;
    table.figure("import: peak memory", memory as f64 / 1e6, "MB");
    Ok(())
}

/// Lets Docker write the archive.
fn save(workspace: &Workspace, bazel: &Bazel<'_>, archive: &Path) -> Result<()> {
    eprintln!("docker save of 1 GiB");
    let engine = Running::start(workspace, "docker-28", "bench")?;
    let mut load = bazel.run("//:load_parts", &[]);
    run(load.env("DOCKER_HOST", engine.host()))?;
    let partial = archive.with_extension("partial");
    let mut save = engine.docker_command();
    run(save.args(["save", IMAGE, "--output"]).arg(&partial))?;
    fs::rename(&partial, archive)
        .with_context(|| format!("failed to write `{}`", archive.display()))
}

/// Does something with a folder on the disk that Bazel writes to.
fn in_scratch<T>(workspace: &Workspace, work: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    work(Scratch::in_cache(workspace)?.path())
}
