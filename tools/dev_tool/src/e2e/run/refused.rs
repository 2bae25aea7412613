//! Runs that must fail: what the tool says of each.

use anyhow::{ensure, Result};

use super::stand::Stand;
use crate::e2e::report::EngineReport;

/// A target of `e2e/run/cases`, and what the message must contain.
const REFUSALS: &[(&str, &[&str])] = &[
    ("collides", &["`/bin/cat`"]),
    (
        "fails",
        &["command 1 of 2 ended with exit code 7", "the last words"],
    ),
    ("hangs", &["after 2 s", "`timeout`", "going to sleep"]),
    ("missing", &["`/no/such/file`"]),
    ("no_shell", &["`/bin/sh`", "`argv`"]),
    ("no_such_secret", &["`NO_SUCH_TOKEN`", "oci.secret"]),
    ("nothing", &["changed nothing", "`allow_empty = True`"]),
    ("on_foreign", &["s390x"]),
];

/// Every refusal.
pub(super) fn cases(report: &mut EngineReport<'_>, stand: &Stand<'_>) {
    for (name, parts) in REFUSALS {
        let target = format!("//cases:{name}");
        report.case(format!("{target} fails"), || refused(stand, &target, parts));
    }
}

/// The tool's message names the target and contains `parts`.
fn refused(stand: &Stand<'_>, target: &str, parts: &[&str]) -> Result<()> {
    let said = stand.fail(target)?;
    // Bazel's own lines name the target in any case: only the tool's count.
    let message: Vec<_> = said
        .lines()
        .skip_while(|line| !line.starts_with("error: "))
        .take_while(|line| {
            ["error: ", "caused by: ", "    "]
                .iter()
                .any(|start| line.starts_with(start))
        })
        .collect();
    let message = message.join("\n");
    for part in [&[target], parts].concat() {
        ensure!(
            message.contains(part),
            "`{part}` is not in the message `{message}`; Bazel says:\n{said}"
        );
    }
    Ok(())
}
