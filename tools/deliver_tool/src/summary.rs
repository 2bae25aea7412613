//! The last line: what the report says, for a person.

use std::time::Duration;

use indicatif::DecimalBytes;
use stevedore_delivery::{Outcome, Report};

/// The report in one line.
pub(crate) fn line(report: &Report) -> String {
    let outcome = match report.outcome {
        Outcome::Loaded => "loaded",
        Outcome::Pushed => "pushed",
        Outcome::Unchanged => "unchanged",
        _ => "failed",
    };
    let name = match report.references.as_slice() {
        [] => report.image_id.clone().unwrap_or_default(),
        names => names.join(", "),
    };
    let mounted = match report.layers.mounted {
        None | Some(0) => String::new(),
        Some(mounted) => format!(", {mounted} mounted"),
    };
    format!(
        "{outcome} {name}: {} of {} layers sent{mounted}, {} in {} requests, {:.3} s",
        report.layers.sent,
        report.layers.total,
        DecimalBytes(report.bytes_sent),
        report.requests,
        Duration::from_millis(report.elapsed_ms).as_secs_f64(),
    )
}
