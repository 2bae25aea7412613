//! A Bazel workspace: built, asked where its outputs are, and what a build ran.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Context, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::cleanup::Cleanup;
use crate::command::{finish, output, run};
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// Flags of `bazel test` and `bazel coverage`: a test that has passed is run again nevertheless, and what a failed one wrote
/// is shown.
pub(crate) const TEST_FLAGS: [&str; 2] = ["--nocache_test_results", "--test_output=errors"];

/// A workspace that `dev/bazel` works in.
pub(crate) struct Bazel<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
    execution_root: PathBuf,
    output_base: PathBuf,
    _server: Cleanup,
}

/// One action that Bazel executed or took from a cache (`SpawnExec` in Bazel's spawn.proto).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spawn {
    /// The kind of the action.
    pub(crate) mnemonic: String,
    /// The target that it belongs to.
    #[serde(default)]
    pub(crate) target_label: String,
    /// What ran it: `linux-sandbox`, `local`, `remote`, or a cache.
    #[serde(default)]
    pub(crate) runner: String,
    #[serde(default)]
    actual_outputs: Vec<SpawnOutput>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpawnOutput {
    digest: Option<SpawnDigest>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpawnDigest {
    /// A 64-bit number, so a string in the protocol buffers' JSON.
    #[serde(default)]
    size_bytes: String,
}

impl Spawn {
    /// Bytes of its output files.
    pub(crate) fn bytes(&self) -> u64 {
        self.actual_outputs
            .iter()
            .filter_map(|output| output.digest.as_ref()?.size_bytes.parse::<u64>().ok())
            .sum()
    }
}

/// What Bazel tells about a build when it has ended (`BuildMetrics` in build_event_stream.proto).
#[derive(Debug)]
pub(crate) struct BuildMetrics {
    /// Seconds of the analysis phase.
    pub(crate) analysis: f64,
    /// Seconds of the execution phase.
    pub(crate) execution: f64,
    executed: Vec<(String, f64)>,
}

impl BuildMetrics {
    /// The metrics among a build's events, one a line.
    fn find(events: &str) -> Option<Self> {
        // Others announce it: only this event has metrics.
        let metrics = events
            .lines()
            .filter(|line| line.contains("\"buildMetrics\":"))
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find_map(|mut event| event.get_mut("buildMetrics").map(Value::take))?;
        // 64-bit numbers are strings in the protocol buffers' JSON, and zeros are left out.
        let number = |value: &Value| {
            value
                .as_str()
                .and_then(|text| text.parse::<f64>().ok())
                .unwrap_or_default()
        };
        let times = &metrics["timingMetrics"];
        let executed = metrics["actionSummary"]["actionData"]
            .as_array()?
            .iter()
            .filter_map(|data| {
                Some((
                    data["mnemonic"].as_str()?.to_owned(),
                    number(&data["actionsExecuted"]),
                ))
            });
        Some(Self {
            analysis: number(&times["analysisPhaseTimeInMs"]) / 1e3,
            execution: number(&times["executionPhaseTimeInMs"]) / 1e3,
            executed: executed.collect(),
        })
    }

    /// How many actions of a kind were executed.
    pub(crate) fn executed(&self, mnemonic: &str) -> f64 {
        let of_kind = |(name, count): &(String, f64)| (name == mnemonic).then_some(*count);
        self.executed.iter().filter_map(of_kind).sum()
    }
}

/// An action as Bazel would run it (`analysis_v2.proto`).
#[derive(Debug, Deserialize)]
pub(crate) struct Action {
    /// The program, relative to the execution root, and its arguments; the content of parameter files stands among them.
    #[serde(default)]
    pub(crate) arguments: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Actions {
    #[serde(default)]
    actions: Vec<Action>,
}

impl<'a> Bazel<'a> {
    /// The workspace in `folder`. Its Bazel server is ended when this value is dropped.
    pub(crate) fn new(workspace: &'a Workspace, folder: &Path) -> Result<Self> {
        // A build that is under way when the process is interrupted ends by itself, and its server when it has been idle.
        let mut shutdown = workspace.bazel(folder, ["--noblock_for_lock", "shutdown"]);
        let server = Cleanup::new(move || run(&mut shutdown));
        let info = output(&mut workspace.bazel(folder, ["info", "execution_root", "output_base"]))?;
        let value = |key: &str| {
            info.lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
                .map(PathBuf::from)
                .with_context(|| format!("`bazel info` does not tell the {key}"))
        };
        Ok(Self {
            workspace,
            folder: folder.to_owned(),
            execution_root: value("execution_root")?,
            output_base: value("output_base")?,
            _server: server,
        })
    }

    /// The workspace's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder that Bazel keeps everything of the workspace in.
    pub(crate) fn output_base(&self) -> &Path {
        &self.output_base
    }

    /// The folder that actions' paths are relative to.
    pub(crate) fn execution_root(&self) -> &Path {
        &self.execution_root
    }

    /// Builds targets; `arguments` are targets and options.
    pub(crate) fn build(&self, arguments: &[&str]) -> Result<()> {
        run(&mut self.command("build", arguments))
    }

    /// Builds targets that must not build, and returns what Bazel says.
    pub(crate) fn fail_to_build(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.command("build", arguments);
        let result = finish(&mut command)?;
        if result.status.success() {
            bail!("`bazel build {}` succeeded", arguments.join(" "));
        }
        Ok(String::from_utf8_lossy(&result.stderr).into_owned())
    }

    /// Builds targets and returns the actions that this took.
    pub(crate) fn spawns(&self, arguments: &[&str]) -> Result<Vec<Spawn>> {
        Self::spawns_of(|flag| self.build(&[&[flag], arguments].concat()))
    }

    /// Returns the actions that `build` took, which gives Bazel the flag that it gets.
    pub(crate) fn spawns_of(build: impl FnOnce(&str) -> Result<()>) -> Result<Vec<Spawn>> {
        let scratch = Scratch::new()?;
        let log = scratch.file("log");
        build(&format!("--execution_log_json_file={}", log.display()))?;
        let text = std::fs::read(&log).context("failed to read Bazel's execution log")?;
        serde_json::Deserializer::from_slice(&text)
            .into_iter()
            .collect::<Result<_, _>>()
            .context("failed to read Bazel's execution log")
    }

    /// Builds targets and returns what Bazel tells about it.
    pub(crate) fn metrics(&self, arguments: &[&str]) -> Result<BuildMetrics> {
        let scratch = Scratch::new()?;
        let log = scratch.file("events");
        let flag = format!("--build_event_json_file={}", log.display());
        // Without it only kinds with many actions are told.
        let all = "--experimental_record_metrics_for_all_mnemonics";
        self.build(&[&[flag.as_str(), all], arguments].concat())?;
        let text = std::fs::read_to_string(&log).context("failed to read Bazel's events")?;
        BuildMetrics::find(&text).context("Bazel tells no metrics of the build")
    }

    /// What the server's heap holds after a collection, in MB.
    pub(crate) fn heap(&self) -> Result<f64> {
        let text = output(&mut self.command("info", &["used-heap-size-after-gc"]))?;
        let number = text.trim().trim_end_matches("MB").parse();
        number.with_context(|| format!("`bazel info` tells `{text}`, expected a number of MB"))
    }

    /// Ends the workspace's Bazel server; the next command starts one.
    pub(crate) fn shutdown(&self) -> Result<()> {
        run(&mut self.workspace.bazel(&self.folder, ["shutdown"]))
    }

    /// `bazel run` for a target, with arguments for the program.
    pub(crate) fn run(&self, target: &str, arguments: &[&str]) -> Command {
        let mut command = self.command("run", &[target, "--"]);
        command.args(arguments);
        command
    }

    /// Builds `target` and returns the file among the outputs of `group` (`default`: its default outputs).
    pub(crate) fn file(&self, target: &str, group: &str) -> Result<PathBuf> {
        let group = format!("--output_groups={group}");
        self.build(&[&group, target])?;
        let files = output(&mut self.command("cquery", &["--output=files", &group, target]))?;
        let file = files
            .lines()
            .next()
            .with_context(|| format!("`{target}` has no file in {group}"))?;
        // A source file of another repository is not below the execution root unless an action needed it.
        let root = match file.starts_with("external/") {
            true => &self.output_base,
            false => &self.execution_root,
        };
        Ok(root.join(file))
    }

    /// Builds `target` and returns its executable.
    pub(crate) fn executable(&self, target: &str) -> Result<PathBuf> {
        self.build(&[target])?;
        let path = output(&mut self.command(
            "cquery",
            &[
                "--output=starlark",
                "--starlark:expr=target.files_to_run.executable.path",
                target,
            ],
        ))?;
        Ok(self.execution_root.join(path.trim()))
    }

    /// The only action of this kind that `target` has.
    pub(crate) fn action(&self, mnemonic: &str, target: &str) -> Result<Action> {
        let query = format!("mnemonic({mnemonic}, {target})");
        let text = output(&mut self.command("aquery", &["--output=jsonproto", &query]))?;
        let found: Actions =
            serde_json::from_str(&text).context("failed to read Bazel's actions")?;
        match <[Action; 1]>::try_from(found.actions) {
            Ok([action]) => Ok(action),
            Err(actions) => bail!(
                "`{target}` has {} actions {mnemonic}, expected one",
                actions.len()
            ),
        }
    }

    /// The external repositories that Bazel has fetched and whose names contain `part`.
    pub(crate) fn external_repositories(&self, part: &str) -> Result<Vec<String>> {
        let folder = self.output_base.join("external");
        let failed = || format!("failed to list `{}`", folder.display());
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&folder).with_context(failed)? {
            let name = entry.with_context(failed)?.file_name();
            let name = name.to_string_lossy();
            // Bazel keeps a marker file, whose name begins with `@`, beside each repository.
            if name.contains(part) && !name.starts_with('@') {
                names.push(name.into_owned());
            }
        }
        Ok(names)
    }

    /// Ends the workspace's Bazel server and removes all that it has built and fetched.
    pub(crate) fn expunge(&self) -> Result<()> {
        run(&mut self.workspace.bazel(&self.folder, ["clean", "--expunge"]))
    }

    /// A command of Bazel, with its arguments.
    pub(crate) fn command(&self, verb: &str, arguments: &[&str]) -> Command {
        let mut command = self
            .workspace
            .bazel(&self.folder, [verb, "--noshow_progress", "--color=no"]);
        command.args(arguments);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_found_among_events() -> Result<()> {
        let events = concat!(
            r#"{"id":{"started":{}},"children":[{"buildMetrics":{}}],"started":{}}"#,
            "\n",
            r#"{"id":{"buildMetrics":{}},"buildMetrics":{"actionSummary":{"actionData":["#,
            r#"{"mnemonic":"LayerDescribe","actionsExecuted":"5"}]},"timingMetrics":{"#,
            r#""analysisPhaseTimeInMs":"1500","executionPhaseTimeInMs":"20"}}}"#,
        );
        let metrics = BuildMetrics::find(events).context("there are no metrics")?;
        assert!((metrics.analysis - 1.5).abs() < 1e-9, "{metrics:?}");
        assert!((metrics.execution - 0.02).abs() < 1e-9, "{metrics:?}");
        assert!((metrics.executed("LayerDescribe") - 5.0).abs() < 1e-9);
        assert!(metrics.executed("ImageConfig").abs() < 1e-9);
        Ok(())
    }
}
