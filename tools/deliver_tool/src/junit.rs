//! Results of tests in the XML form that Bazel reads, that of JUnit.

use std::fmt;

/// Some tests.
pub(crate) struct Suite {
    /// What they are called together.
    pub(crate) name: String,
    /// Each of them.
    pub(crate) cases: Vec<Case>,
}

/// One test.
pub(crate) struct Case {
    /// What it is called.
    pub(crate) name: String,
    /// What came of it.
    pub(crate) outcome: Outcome,
}

/// What came of a test.
pub(crate) enum Outcome {
    /// It was not run, for this reason.
    Skipped(String),
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, tests) = (Escaped(&self.name), self.cases.len());
        writeln!(f, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
        writeln!(f, "<testsuites>")?;
        writeln!(
            f,
            r#"  <testsuite name="{name}" tests="{tests}" failures="0" errors="0" skipped="{tests}">"#
        )?;
        for case in &self.cases {
            let Outcome::Skipped(reason) = &case.outcome;
            writeln!(
                f,
                r#"    <testcase name="{}" classname="{name}"><skipped message="{}"/></testcase>"#,
                Escaped(&case.name),
                Escaped(reason)
            )?;
        }
        writeln!(f, "  </testsuite>\n</testsuites>")
    }
}

/// A text as it stands in an attribute.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\n' => f.write_str("&#10;")?,
                // XML 1.0 has no place for these.
                character if character.is_control() => f.write_str("\u{fffd}")?,
                character => write!(f, "{character}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_xml_is_escaped() {
        let escaped = Escaped("a<b> & \"c\"\n\u{1b}[0m").to_string();
        assert_eq!(escaped, "a&lt;b&gt; &amp; &quot;c&quot;&#10;\u{fffd}[0m");
    }
}
