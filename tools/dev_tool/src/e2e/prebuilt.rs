//! `e2e/prebuilt`: the tools that another workspace built, registered by URL.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};

use super::report::Report;
use crate::bazel::Bazel;
use crate::command::output;
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// What no tool's digest is.
const OTHER_SHA256: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The agent, whatever it comes from.
const AGENT: &str = "@rules_stevedore//oci:agent";

/// Builds with the tools that `built` has built.
pub(crate) fn cases(report: &mut Report, workspace: &Workspace, built: &Bazel<'_>) {
    report.case("e2e/prebuilt: downloaded tools build and load", || {
        let tools = Tools::built_by(built)?;
        in_copy(workspace, &tools, downloaded)
    });
    report.case(
        "e2e/prebuilt: a download with another digest is refused",
        || {
            let mut tools = Tools::built_by(built)?;
            tools.build.sha256 = OTHER_SHA256.to_owned();
            in_copy(workspace, &tools, refused)
        },
    );
}

struct Tools {
    agent: Tool,
    build: Tool,
    deliver: Tool,
}

struct Tool {
    path: PathBuf,
    sha256: String,
}

impl Tools {
    fn built_by(bazel: &Bazel<'_>) -> Result<Self> {
        let action = bazel.action("LayerDescribe", "//:site_layer")?;
        let program = action
            .arguments
            .first()
            .context("the action has no program")?;
        Ok(Self {
            agent: Tool::new(&bazel.file(AGENT, "default")?)?,
            build: Tool::new(&bazel.execution_root().join(program))?,
            deliver: Tool::new(&bazel.executable("//:load")?)?,
        })
    }
}

impl Tool {
    fn new(path: &Path) -> Result<Self> {
        let path =
            fs::canonicalize(path).with_context(|| format!("no tool at `{}`", path.display()))?;
        let sums = output(std::process::Command::new("sha256sum").arg(&path))?;
        let sha256 = sums.split_whitespace().next().unwrap_or_default();
        Ok(Self {
            sha256: sha256.to_owned(),
            path,
        })
    }

    fn url(&self) -> String {
        format!("file://{}", self.path.display())
    }
}

/// Does something in a copy of the workspace that has `tools` registered.
fn in_copy(
    workspace: &Workspace,
    tools: &Tools,
    case: impl FnOnce(&Bazel<'_>) -> Result<()>,
) -> Result<()> {
    let source = workspace.root().join("e2e/prebuilt");
    let copy = Scratch::new()?;
    fs::copy(source.join("BUILD.bazel"), copy.file("BUILD.bazel"))
        .context("failed to copy e2e/prebuilt")?;
    let template = fs::read_to_string(source.join("MODULE.bazel.in"))
        .context("failed to read e2e/prebuilt/MODULE.bazel.in")?;
    let module = template
        .replace("{rules_stevedore}", &workspace.root().display().to_string())
        .replace("{platform}", platform()?)
        .replace("{agent_tool_url}", &tools.agent.url())
        .replace("{agent_tool_sha256}", &tools.agent.sha256)
        .replace("{build_tool_url}", &tools.build.url())
        .replace("{build_tool_sha256}", &tools.build.sha256)
        .replace("{deliver_tool_url}", &tools.deliver.url())
        .replace("{deliver_tool_sha256}", &tools.deliver.sha256);
    fs::write(copy.file("MODULE.bazel"), module).context("failed to write MODULE.bazel")?;

    let bazel = Bazel::new(workspace, copy.path())?;
    let result = case(&bazel);
    // Its output base, too: the next copy has another name.
    bazel.expunge()?;
    result
}

fn platform() -> Result<&'static str> {
    match ARCH {
        "x86_64" => Ok("linux_amd64"),
        "aarch64" => Ok("linux_arm64"),
        other => bail!("no name for the architecture `{other}`"),
    }
}

fn downloaded(bazel: &Bazel<'_>) -> Result<()> {
    let load = bazel.executable("//:load")?;
    let deliver_tool = fs::canonicalize(&load).context("the load has no deliver tool")?;
    let action = bazel.action("LayerDescribe", "//:layer")?;
    let build_tool = action.arguments.first().map_or("", String::as_str);
    let agent = bazel.file(AGENT, "default")?;
    for (tool, repository) in [
        (&*agent.to_string_lossy(), "stevedore_prebuilt_agent_"),
        (build_tool, "stevedore_prebuilt_build_"),
        (
            &deliver_tool.to_string_lossy(),
            "stevedore_prebuilt_deliver_",
        ),
    ] {
        ensure!(
            tool.contains(repository),
            "the tool is `{tool}`, expected one of `{repository}…`"
        );
    }
    let crates = bazel.external_repositories("stevedore_crates")?;
    ensure!(
        crates.is_empty(),
        "crates were downloaded: `{}`",
        crates.join("`, `")
    );
    Ok(())
}

fn refused(bazel: &Bazel<'_>) -> Result<()> {
    let said = bazel.fail_to_build(&["//:image"])?;
    ensure!(
        said.contains("Checksum was") && said.contains(OTHER_SHA256),
        "Bazel does not tell of the checksum:\n{said}"
    );
    Ok(())
}
