//! `bazel coverage` of a test: the same lines with `oci_test` as without it.

use std::fs;

use anyhow::{ensure, Context, Result};

use super::stand::Stand;
use crate::e2e::report::Report;

/// The workspace's own in place of Bazel's, which is a download: it puts what gcov found into one file.
const FLAGS: [&str; 3] = [
    "--coverage_output_generator=//coverage:merger",
    "--coverage_report_generator=//coverage:merger",
    "--instrumentation_filter=//coverage",
];

/// Lines that the test runs, and one that it does not.
const RUN: [&str; 2] = ["sign.c:3", "sign.c:7"];
const NOT_RUN: &str = "sign.c:5";

/// The one case.
pub(super) fn cases(report: &mut Report, stand: &Stand<'_>) {
    let mut report = report.of_engine(stand.engine.name());
    report.case("coverage is that of the test", || {
        let bare = covered(stand, "//coverage:sign_test")?;
        let wrapped = covered(stand, "//coverage:sign_with_image")?;
        ensure!(
            RUN.iter().all(|line| wrapped.contains(&(*line).to_owned()))
                && !wrapped.contains(&NOT_RUN.to_owned()),
            "the lines are {wrapped:?}"
        );
        ensure!(
            bare == wrapped,
            "without oci_test the lines are {bare:?}, with it {wrapped:?}"
        );
        Ok(())
    });
}

/// The lines of the library that a test runs.
fn covered(stand: &Stand<'_>, target: &str) -> Result<Vec<String>> {
    stand.cover(target, &FLAGS)?.expect("PASSED", &[])?;
    let file = stand.logs_of(target).join("coverage.dat");
    let text = fs::read_to_string(&file)
        .with_context(|| format!("failed to read `{}`", file.display()))?;
    Ok(text.lines().map(ToOwned::to_owned).collect())
}
