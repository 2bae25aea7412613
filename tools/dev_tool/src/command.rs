//! Running programs: what they print is shown only when they fail.

use std::process::{Command, Output, Stdio};

use anyhow::{bail, Context, Result};

/// Runs `command` to its end and returns what it wrote; an exit code other than 0 is an error with that text.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let result = finish(command)?;
    if !result.status.success() {
        bail!(
            "`{}` failed ({}):\n{}{}",
            shown(command),
            result.status,
            String::from_utf8_lossy(&result.stdout),
            String::from_utf8_lossy(&result.stderr),
        );
    }
    String::from_utf8(result.stdout)
        .with_context(|| format!("`{}` wrote something that is not UTF-8", shown(command)))
}

/// [`output`] for a program whose output is of no interest if all went well.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// Runs `command` to its end, whatever its exit code.
pub(crate) fn finish(command: &mut Command) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("failed to run `{}`", shown(command)))
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(
        command
            .get_args()
            .map(|argument| argument.to_string_lossy()),
    );
    words.join(" ")
}
