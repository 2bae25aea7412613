//! Flattening an image of many layers, against copying their bytes.

use std::process::Command;

use anyhow::{Context, Result};

use super::action::ToolRun;
use super::subject::PARTS;
use crate::bazel::Bazel;
use crate::bench::table::{Goal, Table};
use crate::bench::target::seconds;
use crate::clock::{median, peak_memory};
use crate::command::run;
use crate::scratch::Scratch;
use crate::workspace::Workspace;

pub(super) fn measure(
    workspace: &Workspace,
    bazel: &Bazel<'_>,
    runs: usize,
    table: &mut Table,
) -> Result<()> {
    let scratch = Scratch::in_cache(workspace)?;
    let prepare = |mnemonic, output| {
        ToolRun::prepare(bazel, (mnemonic, "//:flat"), &[output], scratch.path())
    };
    let write = prepare("LayerTar", "--tar")?;
    let tars: Vec<_> = (0..PARTS)
        .map(|part| bazel.folder().join(format!("bazel-bin/layer_{part}.tar")))
        .collect();
    let copied = scratch.file("copied");
    let (mut own, mut copy) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        own.push(seconds(|| run(&mut write.command()))?);
        remove(&scratch.file("tar"))?;
        let mut command = Command::new("sh");
        command
            .args(["-c", "cat \"$@\" > \"$0\""])
            .arg(&copied)
            .args(&tars);
        copy.push(seconds(|| run(&mut command))?);
        remove(&copied)?;
    }
    let (own, copy) = (median(&own), median(&copy));
    table.figure(
        &format!("flatten of 1 GiB in {PARTS} layers: time"),
        own,
        "s",
    );
    table.figure("reading and writing those bytes", copy, "s");
    table.goal(
        "flatten: time against reading and writing",
        Goal::AtMost(1.2),
        own / copy,
        "times",
    );
    let memory = peak_memory(&write.command())?;
    table.goal(
        "flatten: peak memory",
        Goal::AtMost(128.0),
        memory as f64 / 1e6,
        "MB",
    );
    remove(&scratch.file("tar"))?;
    let describe = prepare("LayerDescribe", "--description")?;
    let described = seconds(|| run(&mut describe.command()))?;
    table.figure("flatten: only the digest of what it gives", described, "s");
    Ok(())
}

fn remove(file: &std::path::Path) -> Result<()> {
    std::fs::remove_file(file).with_context(|| format!("failed to remove `{}`", file.display()))
}
