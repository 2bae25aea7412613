//! What is printed of one suite.

use std::io::{self, Write as _};

/// The lines of a suite: shown as they come if nothing runs beside it, and otherwise together when it has ended.
#[derive(Debug)]
pub(crate) struct Section {
    title: String,
    /// `None` if the lines are shown as they come.
    lines: Option<String>,
    failures: Vec<String>,
}

impl Section {
    /// One whose lines are shown as they come.
    pub(crate) fn live(title: &str) -> Self {
        println!("\n=== {title}");
        Self {
            title: title.to_owned(),
            lines: None,
            failures: Vec::new(),
        }
    }

    /// One whose lines are kept.
    pub(crate) fn kept(title: &str) -> Self {
        println!("... {title}");
        Self {
            title: title.to_owned(),
            lines: Some(format!("\n=== {title}\n")),
            failures: Vec::new(),
        }
    }

    /// Adds a line.
    pub(crate) fn line(&mut self, line: &str) {
        if line.contains("FAILED") {
            self.failures.push(format!("{}: {line}", self.title));
        }
        match &mut self.lines {
            Some(lines) => {
                lines.push_str(line);
                lines.push('\n');
            }
            None => println!("{line}"),
        }
    }

    /// Shows what was kept.
    pub(crate) fn show(&self) {
        if let Some(lines) = &self.lines {
            // In one piece, whatever is printed beside it; there is nobody to tell if it cannot be.
            let _ = io::stdout().lock().write_all(lines.as_bytes());
        }
    }

    /// The lines that tell of failures.
    pub(crate) fn failures(&self) -> &[String] {
        &self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_tell_of_failures_are_known_at_the_end() {
        let mut section = Section::kept("suite");
        for line in ["test a ... ok", "test b ... FAILED", "FAILED  c (0.1 s)"] {
            section.line(line);
        }
        assert_eq!(
            section.failures(),
            ["suite: test b ... FAILED", "suite: FAILED  c (0.1 s)"]
        );
    }
}
