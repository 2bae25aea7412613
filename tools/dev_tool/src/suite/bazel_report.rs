//! The results in Bazel's build events, one JSON object a line.
//!
//! See `build_event_stream.proto` in Bazel's sources, below
//! `src/main/java/com/google/devtools/build/lib/buildeventstream/proto/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::tally::Tally;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    id: Id,
    configured: Option<Configured>,
    test_summary: Option<Summary>,
    aborted: Option<Aborted>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Id {
    target_configured: Option<Target>,
    target_completed: Option<Target>,
    test_summary: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    label: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Configured {
    /// Only tests have a size.
    test_size: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    overall_status: Status,
}

#[derive(Clone, Copy, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    Passed,
    /// Passed when run again.
    Flaky,
    /// Failed, timed out, not built, not run.
    #[serde(other)]
    Failed,
}

#[derive(Deserialize)]
struct Aborted {
    reason: Reason,
}

#[derive(Deserialize, Eq, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Reason {
    /// The target is not for this platform.
    Skipped,
    #[serde(other)]
    Other,
}

/// Counts the tests of a build: each that Bazel meant to run must have a result, or it failed.
///
/// # Errors
/// The file is not there, or a line of it is not a build event.
pub(crate) fn read(report: &Path) -> Result<Tally> {
    let file =
        File::open(report).with_context(|| format!("Bazel wrote no `{}`", report.display()))?;
    count(BufReader::new(file)).with_context(|| format!("failed to read `{}`", report.display()))
}

fn count(lines: impl BufRead) -> Result<Tally> {
    let mut tests = BTreeSet::new();
    let mut skipped = BTreeSet::new();
    let mut results = BTreeMap::new();
    for line in lines.lines() {
        let event: Event = serde_json::from_str(&line?)?;
        if let (Some(target), Some(configured)) = (&event.id.target_configured, &event.configured) {
            if configured.test_size.is_some() {
                tests.insert(target.label.clone());
            }
        }
        if let (Some(target), Some(aborted)) = (&event.id.target_completed, &event.aborted) {
            if aborted.reason == Reason::Skipped {
                skipped.insert(target.label.clone());
            }
        }
        if let (Some(target), Some(summary)) = (event.id.test_summary, &event.test_summary) {
            results.insert(target.label, summary.overall_status);
        }
    }
    let mut tally = Tally::default();
    for test in tests {
        match results.get(&test) {
            Some(Status::Passed | Status::Flaky) => tally.passed += 1,
            None if skipped.contains(&test) => tally.skipped += 1,
            _ => {
                println!("failed: {test}");
                tally.failed += 1;
            }
        }
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: &str = r#"{"id":{"started":{}},"started":{"uuid":"1"}}
{"id":{"targetConfigured":{"label":"//:library"}},"configured":{"targetKind":"rust_library rule"}}
{"id":{"targetConfigured":{"label":"//:good"}},"configured":{"targetKind":"rust_test rule","testSize":"SMALL"}}
{"id":{"targetConfigured":{"label":"//:bad"}},"configured":{"targetKind":"rust_test rule","testSize":"SMALL"}}
{"id":{"targetConfigured":{"label":"//:slow"}},"configured":{"targetKind":"rust_test rule","testSize":"SMALL"}}
{"id":{"targetConfigured":{"label":"//:unbuilt"}},"configured":{"targetKind":"rust_test rule","testSize":"SMALL"}}
{"id":{"targetConfigured":{"label":"//:elsewhere"}},"configured":{"targetKind":"rust_test rule","testSize":"SMALL"}}
{"id":{"targetCompleted":{"label":"//:elsewhere"}},"aborted":{"reason":"SKIPPED","description":"Target //:elsewhere is incompatible"}}
{"id":{"targetCompleted":{"label":"//:unbuilt"}},"completed":{}}
{"id":{"testSummary":{"label":"//:good"}},"testSummary":{"overallStatus":"PASSED","totalRunCount":1}}
{"id":{"testSummary":{"label":"//:bad"}},"testSummary":{"overallStatus":"FAILED"}}
{"id":{"testSummary":{"label":"//:slow"}},"testSummary":{"overallStatus":"TIMEOUT"}}
"#;

    #[test]
    fn every_test_counts_once() -> Result<()> {
        let tally = count(EVENTS.as_bytes())?;
        assert_eq!(
            tally,
            Tally {
                passed: 1,
                failed: 3,
                skipped: 1
            }
        );
        Ok(())
    }

    #[test]
    fn a_line_that_is_no_event_is_an_error() {
        assert!(count("not JSON\n".as_bytes()).is_err());
    }

    #[test]
    fn a_report_that_is_not_there_is_an_error() {
        assert!(read(Path::new("/nonexistent/report.json")).is_err());
    }
}
