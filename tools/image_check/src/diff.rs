//! The lines in which two texts differ, as `diff -u` shows them.

use std::time::Duration;

use similar::TextDiff;

use crate::text::shown;

/// After how long the shortest difference is no longer looked for, only one.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many lines are shown.
const MAX_LINES: usize = 200;

/// The lines in which `found` differs from `expected`, with some around them.
pub(crate) fn unified(expected: &str, found: &str) -> String {
    let mut config = TextDiff::configure();
    let diff = config.timeout(PATIENCE).diff_lines(expected, found);
    let mut diff = diff.unified_diff();
    let text = diff.header("expected", "found").to_string();
    let lines = text.split_terminator('\n');
    let mut shown: Vec<String> = lines.clone().take(MAX_LINES).map(shown).collect();
    if lines.count() > MAX_LINES {
        shown.push("… and more".to_owned());
    }
    shown.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_is_shown_with_its_surroundings() {
        let expected = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let found = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n";
        assert_eq!(
            unified(expected, found),
            "--- expected\n+++ found\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8"
        );
    }

    #[test]
    fn what_is_far_apart_is_shown_apart() {
        let numbers = |changed: &[usize]| {
            let line = |number| match changed.contains(&number) {
                true => "changed\n".to_owned(),
                false => format!("{number}\n"),
            };
            (1..=30).map(line).collect::<String>()
        };
        let text = unified(&numbers(&[]), &numbers(&[5, 25]));
        assert_eq!(text.matches("@@ -").count(), 2, "{text}");
        assert!(text.contains("@@ -2,7 +2,7 @@"), "{text}");
        assert!(text.contains("@@ -22,7 +22,7 @@"), "{text}");
    }

    #[test]
    fn a_missing_line_end_is_told() {
        let text = unified("a\n", "a");
        assert_eq!(
            text,
            "--- expected\n+++ found\n@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file"
        );
    }

    #[test]
    fn what_is_large_is_shown_in_part() {
        let lines = |text: &str| {
            (0..5000)
                .map(|number| format!("{text}{number}\n"))
                .collect::<String>()
        };
        let text = unified(&lines("a"), &lines("b"));
        assert!(text.ends_with("… and more"), "{text}");
        assert!(text.lines().count() < MAX_LINES + 10);
    }
}
