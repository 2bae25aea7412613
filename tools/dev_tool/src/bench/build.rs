//! Building: how fast a layer is described, in how much memory, and what a small change costs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::subject::{BIG, TOP};
use super::table::{Goal, Table};
use crate::bazel::Bazel;
use crate::clock::{median, peak_memory, time};
use crate::edited_file::EditedFile;
use crate::scratch::Scratch;

/// What may be written beside the changed layer: JSON and a tar's headers.
const ALLOWANCE: u64 = 64 * 1024;

/// The bit of the SHA instructions, as OpenSSL's variable for cleared capabilities takes it (OPENSSL_ia32cap(3): bit 64 + 29).
const WITHOUT_SHA: &str = ":~0x20000000";

/// How much of OpenSSL's speed describing a layer must reach.
const SPEED: Goal = Goal::AtLeast(0.8);

/// Every row about building.
pub(crate) fn measure(bazel: &Bazel<'_>, runs: usize, table: &mut Table) -> Result<()> {
    let scratch = Scratch::new()?;
    let describe = Describe::prepare(bazel, &scratch)?;
    speed(bazel, &describe, runs, table)?;
    let memory = peak_memory(&describe.command())?;
    table.goal(
        "oci_layer of 1 GiB: peak memory",
        Goal::AtMost(64.0),
        memory as f64 / 1e6,
        "MB",
    );
    change(bazel, table)
}

/// The action that describes the lower layer, outside of Bazel.
struct Describe {
    tool: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
}

impl Describe {
    fn prepare(bazel: &Bazel<'_>, scratch: &Scratch) -> Result<Self> {
        let action = bazel.action("LayerDescribe", "//:big")?;
        let (tool, arguments) = action
            .arguments
            .split_first()
            .context("the action LayerDescribe has no arguments")?;
        // The recipe is JSON lines, which Bazel writes into a parameter file; everything else is a flag.
        let (lines, flags): (Vec<_>, Vec<_>) = arguments
            .iter()
            .partition(|argument| argument.starts_with('{'));
        let recipe = scratch.file("recipe");
        let lines: Vec<_> = lines.into_iter().map(String::as_str).collect();
        std::fs::write(&recipe, lines.join("\n"))
            .with_context(|| format!("failed to write `{}`", recipe.display()))?;
        let mut arguments: Vec<_> = flags
            .into_iter()
            .filter(|flag| !flag.starts_with("--description="))
            .cloned()
            .collect();
        arguments.push(format!("--inputs={}", recipe.display()));
        arguments.push(format!(
            "--description={}",
            scratch.file("layer.json").display()
        ));
        Ok(Self {
            tool: bazel.execution_root().join(tool),
            arguments,
            folder: bazel.folder().to_owned(),
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.tool);
        command.args(&self.arguments).current_dir(&self.folder);
        command
    }
}

fn speed(bazel: &Bazel<'_>, describe: &Describe, runs: usize, table: &mut Table) -> Result<()> {
    let tar = bazel.file("//:big", "tar")?;
    let has_sha = cpu_has_sha()?;
    // Once, so that every file is in memory for all of them.
    time(&mut describe.command())?;
    let (mut own, mut openssl, mut masked) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        own.push(time(&mut describe.command())?.as_secs_f64());
        openssl.push(time(&mut sha256(&tar))?.as_secs_f64());
        if has_sha {
            let mut command = sha256(&tar);
            command.env("OPENSSL_ia32cap", WITHOUT_SHA);
            masked.push(time(&mut command)?.as_secs_f64());
        }
    }
    let speed = |seconds: &[f64]| BIG as f64 / 1e6 / median(seconds);
    let (name, other) = match has_sha {
        true => ("with", "without"),
        false => ("without", "with"),
    };
    table.figure(
        "oci_layer of 1 GiB, diff_id only: speed",
        speed(&own),
        "MB/s",
    );
    table.figure(
        &format!("openssl dgst -sha256, {name} SHA instructions"),
        speed(&openssl),
        "MB/s",
    );
    if has_sha {
        table.figure(
            "openssl dgst -sha256, SHA instructions masked",
            speed(&masked),
            "MB/s",
        );
    }
    table.goal(
        &format!("oci_layer against OpenSSL, {name} SHA instructions"),
        SPEED,
        speed(&own) / speed(&openssl),
        "times",
    );
    table.unmeasured(
        &format!("oci_layer against OpenSSL, {other} SHA instructions"),
        SPEED,
        &format!("this CPU: {name}"),
    );
    Ok(())
}

/// One file of the upper layer is changed, and what the load needs is built.
fn change(bazel: &Bazel<'_>, table: &mut Table) -> Result<()> {
    bazel.build(&["//:load_image"])?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let file = bazel.folder().join("top/000/0");
    let edited = EditedFile::append(&file, &now.as_nanos().to_string())?;
    let spawns = bazel.spawns(&["//:load_image"])?;
    drop(edited);
    let written: u64 = spawns.iter().map(|spawn| spawn.bytes()).sum();
    let names: Vec<_> = spawns.iter().map(|spawn| spawn.mnemonic.as_str()).collect();
    table.figure(
        "one file changed: actions run",
        spawns.len() as f64,
        &names.join(" "),
    );
    table.goal(
        "one file changed: bytes written beyond the layer's 10 MB",
        Goal::AtMost(ALLOWANCE as f64),
        written as f64 - TOP as f64,
        "bytes",
    );
    Ok(())
}

fn sha256(file: &Path) -> Command {
    let mut command = Command::new("openssl");
    command.args(["dgst", "-sha256"]).arg(file);
    command
}

fn cpu_has_sha() -> Result<bool> {
    let text =
        std::fs::read_to_string("/proc/cpuinfo").context("failed to read `/proc/cpuinfo`")?;
    // x86 calls them `sha_ni`, ARM `sha2`.
    Ok(text
        .split_ascii_whitespace()
        .any(|word| matches!(word, "sha_ni" | "sha2")))
}
