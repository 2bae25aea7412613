//! The last line: what the report says, for a person.

use std::time::Duration;

use indicatif::DecimalBytes;
use stevedore_delivery::{Outcome, Report};

/// How many names of many are shown.
const SHOWN: usize = 3;

/// The report in one line.
pub(crate) fn line(report: &Report) -> String {
    let outcome = match report.outcome {
        Outcome::Loaded => "loaded",
        Outcome::Pushed => "pushed",
        Outcome::Unchanged => "unchanged",
        _ => "failed",
    };
    let names = names(report);
    let mounted = match report.layers.mounted {
        None | Some(0) => String::new(),
        Some(mounted) => format!(", {mounted} mounted"),
    };
    let fetched = match report.fetched {
        None => String::new(),
        Some(fetched) => format!(
            ", {} fetched ({})",
            fetched.blobs,
            DecimalBytes(fetched.bytes)
        ),
    };
    format!(
        "{outcome}{names}: {} of {} layers sent{mounted}{fetched}, {} in {} requests, {:.3} s",
        report.layers.sent,
        report.layers.total,
        DecimalBytes(report.bytes_sent),
        report.requests,
        Duration::from_millis(report.elapsed_ms).as_secs_f64(),
    )
}

/// What was delivered, after a space; of many names the first ones.
fn names(report: &Report) -> String {
    match (report.references.as_slice(), &report.image_id) {
        ([], None) => String::new(),
        ([], Some(id)) => format!(" {id}"),
        (names, _) if names.len() > SHOWN + 1 => {
            let (shown, others) = names.split_at(SHOWN);
            format!(" {} and {} others", shown.join(", "), others.len())
        }
        (names, _) => format!(" {}", names.join(", ")),
    }
}
