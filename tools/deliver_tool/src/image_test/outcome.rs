//! What a person and Bazel are told of the cases.

use std::io::{self, Write as _};

use anyhow::Context as _;
use stevedore_image_check::{Case, Outcome};

use super::selection::LeftOut;
use crate::bazel_test;

/// Tells what came of `cases`, beside those that were `left_out`, and gives the exit code.
pub(super) fn tell(label: &str, cases: &[Case], left_out: LeftOut) -> anyhow::Result<i32> {
    bazel_test::write_xml(label, cases)?;
    let mut text: String = cases.iter().map(lines).collect();
    text.push_str(&summary(cases, left_out));
    io::stdout()
        .write_all(text.as_bytes())
        .context("failed to write what was found to standard output")?;
    Ok(i32::from(cases.iter().any(Case::is_failed)))
}

/// A line for a case, and what differs below it.
fn lines(case: &Case) -> String {
    let name = &case.name;
    match &case.outcome {
        Outcome::Passed => format!("ok      {name}\n"),
        Outcome::Skipped(reason) => format!("skipped {name}: {reason}\n"),
        Outcome::Failed(differences) => {
            let mut text = format!("FAILED  {name}\n");
            for line in differences.iter().flat_map(|text| text.lines()) {
                text.push_str(&format!("        {line}\n"));
            }
            text
        }
    }
}

fn summary(cases: &[Case], left_out: LeftOut) -> String {
    let count = |is: fn(&Case) -> bool| cases.iter().filter(|case| is(case)).count();
    let failed = count(Case::is_failed);
    let skipped = count(|case| matches!(case.outcome, Outcome::Skipped(_)));
    let mut text = format!(
        "{} passed, {failed} failed, {skipped} skipped",
        cases.len() - failed - skipped
    );
    if left_out.by_filter > 0 {
        text.push_str(&format!("; {} left out by the filter", left_out.by_filter));
    }
    if left_out.to_other_shards > 0 {
        text.push_str(&format!("; {} in other shards", left_out.to_other_shards));
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn case(outcome: Outcome) -> Case {
        Case {
            name: "user".to_owned(),
            outcome,
            elapsed: Duration::ZERO,
        }
    }

    #[test]
    fn what_differs_is_below_its_case() {
        let failed = Outcome::Failed(vec!["a\nb".to_owned(), "c".to_owned()]);
        assert_eq!(
            lines(&case(failed)),
            "FAILED  user\n        a\n        b\n        c\n"
        );
    }

    #[test]
    fn all_cases_are_counted() {
        let cases = [
            case(Outcome::Passed),
            case(Outcome::Skipped("x".to_owned())),
        ];
        let mut left_out = LeftOut::default();
        assert_eq!(summary(&cases, left_out), "1 passed, 0 failed, 1 skipped\n");
        left_out.by_filter = 3;
        assert_eq!(
            summary(&cases, left_out),
            "1 passed, 0 failed, 1 skipped; 3 left out by the filter\n"
        );
        left_out.to_other_shards = 4;
        assert_eq!(
            summary(&cases, left_out),
            "1 passed, 0 failed, 1 skipped; 3 left out by the filter; 4 in other shards\n"
        );
    }
}
