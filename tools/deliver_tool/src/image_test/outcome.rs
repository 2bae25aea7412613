//! What a person and Bazel are told of the cases.

use std::io::{self, Write as _};

use anyhow::Context as _;
use stevedore_image_check::{Case, Outcome};

use crate::bazel_test;

/// Tells what came of `cases`, which are some of `all`, and gives the exit code.
pub(super) fn tell(label: &str, cases: &[Case], all: usize) -> anyhow::Result<i32> {
    bazel_test::write_xml(label, cases)?;
    let mut text: String = cases.iter().map(lines).collect();
    text.push_str(&summary(cases, all));
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

fn summary(cases: &[Case], all: usize) -> String {
    let count = |is: fn(&Case) -> bool| cases.iter().filter(|case| is(case)).count();
    let failed = count(Case::is_failed);
    let skipped = count(|case| matches!(case.outcome, Outcome::Skipped(_)));
    let mut text = format!(
        "{} passed, {failed} failed, {skipped} skipped",
        cases.len() - failed - skipped
    );
    if cases.len() < all {
        text.push_str(&format!("; {} left out by the filter", all - cases.len()));
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
        assert_eq!(summary(&cases, 2), "1 passed, 0 failed, 1 skipped\n");
        assert_eq!(
            summary(&cases, 5),
            "1 passed, 0 failed, 1 skipped; 3 left out by the filter\n"
        );
    }
}
