//! Building: how fast a layer is described, in how much memory, and what a small change costs.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::subject::{BIG, TOP};
use super::table::{Goal, Table};
use crate::bazel::Bazel;
use crate::clock::{median, peak_memory, time};
use crate::command::output;
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
    speed(&describe, runs, table)?;
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

/// Describing a layer against what OpenSSL hashes from memory, which leaves it nothing to read: the harder yardstick.
fn speed(describe: &Describe, runs: usize, table: &mut Table) -> Result<()> {
    let has_sha = cpu_has_sha()?;
    // Once, so that every file is in memory for all of them.
    time(&mut describe.command())?;
    let (mut own, mut openssl, mut masked) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        own.push(BIG as f64 / 1e6 / time(&mut describe.command())?.as_secs_f64());
        openssl.push(openssl_speed(&mut openssl_command())?);
        if has_sha {
            let mut command = openssl_command();
            command.env("OPENSSL_ia32cap", WITHOUT_SHA);
            masked.push(openssl_speed(&mut command)?);
        }
    }
    let (name, other) = match has_sha {
        true => ("with", "without"),
        false => ("without", "with"),
    };
    table.figure(
        "oci_layer of 1 GiB, diff_id only: speed",
        median(&own),
        "MB/s",
    );
    table.figure(
        &format!("openssl speed sha256, {name} SHA instructions"),
        median(&openssl),
        "MB/s",
    );
    if has_sha {
        table.figure(
            "openssl speed sha256, SHA instructions masked",
            median(&masked),
            "MB/s",
        );
    }
    table.goal(
        &format!("oci_layer against OpenSSL, {name} SHA instructions"),
        SPEED,
        median(&own) / median(&openssl),
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

fn openssl_command() -> Command {
    let mut command = Command::new("openssl");
    command.args([
        "speed", "-mr", "-seconds", "1", "-bytes", "65536", "-evp", "sha256",
    ]);
    command
}

/// The speed in MB/s that `openssl speed -mr` prints: `+F:25:sha256:1817114462.92`, in bytes a second.
fn openssl_speed(command: &mut Command) -> Result<f64> {
    let text = output(command)?;
    let figure = text
        .lines()
        .find(|line| line.starts_with("+F:"))
        .and_then(|line| line.rsplit(':').next())
        .and_then(|number| number.parse::<f64>().ok());
    Ok(figure.with_context(|| format!("`openssl speed` printed no figure:\n{text}"))? / 1e6)
}

fn cpu_has_sha() -> Result<bool> {
    let text =
        std::fs::read_to_string("/proc/cpuinfo").context("failed to read `/proc/cpuinfo`")?;
    // x86 calls them `sha_ni`, ARM `sha2`.
    Ok(text
        .split_ascii_whitespace()
        .any(|word| matches!(word, "sha_ni" | "sha2")))
}
