//! An action of Bazel's, run by itself: so that only the tool is measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::bazel::Bazel;

/// A run of the build tool, whose outputs go elsewhere.
pub(super) struct ToolRun {
    tool: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
}

impl ToolRun {
    /// The one action of this kind that `target` has. `outputs` are the flags that name an output; what they name is put into
    /// `scratch`.
    pub(super) fn prepare(
        bazel: &Bazel<'_>,
        (mnemonic, target): (&str, &str),
        outputs: &[&str],
        scratch: &Path,
    ) -> Result<Self> {
        let action = bazel.action(mnemonic, target)?;
        let (tool, arguments) = action
            .arguments
            .split_first()
            .with_context(|| format!("the action {mnemonic} has no arguments"))?;
        // A recipe is JSON lines, which Bazel writes into a parameter file; everything else is a flag.
        let (lines, flags): (Vec<_>, Vec<_>) = arguments
            .iter()
            .partition(|argument| argument.starts_with('{'));
        let mut arguments: Vec<_> = flags
            .into_iter()
            .filter(|flag| !(flag.starts_with("--inputs=") && !lines.is_empty()))
            .map(|flag| redirected(flag, outputs, scratch))
            .collect();
        if !lines.is_empty() {
            let recipe = scratch.join("recipe");
            let lines: Vec<_> = lines.into_iter().map(String::as_str).collect();
            std::fs::write(&recipe, lines.join("\n"))
                .with_context(|| format!("failed to write `{}`", recipe.display()))?;
            arguments.push(format!("--inputs={}", recipe.display()));
        }
        Ok(Self {
            tool: bazel.execution_root().join(tool),
            arguments,
            folder: bazel.folder().to_owned(),
        })
    }

    /// The command. The workspace's folder has its files, and a link to those that Bazel has made.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.tool);
        command.args(&self.arguments).current_dir(&self.folder);
        command
    }
}

/// A flag that names an output, with a file or folder in `scratch`; any other flag as it is.
fn redirected(flag: &str, outputs: &[&str], scratch: &Path) -> String {
    match flag.split_once('=') {
        Some((name, _)) if outputs.contains(&name) => {
            let path = scratch.join(name.trim_start_matches('-'));
            format!("{name}={}", path.display())
        }
        _ => flag.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_outputs_go_elsewhere() {
        let scratch = Path::new("/scratch");
        for (flag, expected) in [
            ("--tar=bazel-out/x.tar", "--tar=/scratch/tar"),
            ("--input=bazel-out/x", "--input=bazel-out/x"),
            ("flatten", "flatten"),
        ] {
            assert_eq!(redirected(flag, &["--tar"], scratch), expected);
        }
    }
}
