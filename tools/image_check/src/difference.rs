//! How a difference reads.

use std::fmt::Display;

use stevedore_image::file_system::{printable, Entry};

/// What fits on one line, in characters.
const LINE: usize = 90;
/// How many of many are named.
const SHOWN: usize = 20;

/// Tells what was expected of `what`, and what was found: on one line if it fits there.
pub(crate) fn difference(what: &str, expected: impl Display, found: impl Display) -> String {
    let line = format!("{what}: expected {expected}, found {found}");
    match line.chars().count() > LINE || line.contains('\n') {
        false => line,
        true => format!("{what}:\n  expected {expected}\n  found    {found}"),
    }
}

/// Tells of some things that should not be there.
pub(crate) fn listing(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    lines
}

/// Tells of something at a path: what it is, and which of `layers` layers it is from.
pub(crate) fn describe(path: &[u8], entry: Entry<'_>, layers: usize) -> String {
    let path = printable(path);
    let noun = entry.kind.noun();
    match entry.layer {
        Some(layer) => format!("`{path}` is {noun} (layer {} of {layers})", layer + 1),
        None => format!("`{path}` is {noun}"),
    }
}

/// A number of bytes, also in larger units.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = None;
    for name in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = Some(name);
    }
    match unit {
        Some(unit) => format!("{value:.1} {unit} ({bytes} bytes)"),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_has_lines_of_its_own() {
        assert_eq!(
            difference("mode", "`0755`", "`0644`"),
            "mode: expected `0755`, found `0644`"
        );
        let long = "x".repeat(80);
        assert_eq!(
            difference("cmd", &long, "y"),
            format!("cmd:\n  expected {long}\n  found    y")
        );
    }

    #[test]
    fn of_many_things_some_are_named() {
        let lines = listing((0..25).map(|number| number.to_string()).collect());
        assert_eq!(lines.len(), 21);
        assert_eq!(lines[20], "… and 5 more");
    }

    #[test]
    fn sizes_are_for_people_too() {
        assert_eq!(size(1023), "1023 bytes");
        assert_eq!(size(3 << 20), "3.0 MiB (3145728 bytes)");
    }
}
