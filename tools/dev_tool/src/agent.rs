//! The agent, linked as it is for containers.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::output;
use crate::workspace::Workspace;

/// Builds `stevedore-agent` without shared libraries, unless it is there; the binary.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    let mut command = Command::new(workspace.root().join("dev/cargo"));
    command.args([
        "rustc",
        "--package=stevedore_agent",
        "--bin=stevedore-agent",
        "--release",
        "--message-format=json",
        "--",
        "-Ctarget-feature=+crt-static",
        "-Cstrip=symbols",
    ]);
    let messages = output(&mut command).context("failed to build the agent")?;
    let executable = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.context("cargo does not tell where the agent is")
}
