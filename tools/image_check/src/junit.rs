//! Cases as the XML file that Bazel and others show.
//!
//! The format was never specified; <https://github.com/testmoapp/junitxml> tells what is commonly understood.

use std::fmt::Write as _;

use crate::case::{Case, Outcome};

/// The XML of `cases`, which are of the target `label`.
pub fn write(label: &str, cases: &[Case]) -> String {
    let count = |is: fn(&Case) -> bool| cases.iter().filter(|case| is(case)).count();
    let failures = count(Case::is_failed);
    let skipped = count(|case| matches!(case.outcome, Outcome::Skipped(_)));
    let seconds: f64 = cases.iter().map(|case| case.elapsed.as_secs_f64()).sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"{seconds:.3}\">",
        escaped(label),
        cases.len(),
    );
    for case in cases {
        write_case(&mut xml, label, case);
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

fn write_case(xml: &mut String, label: &str, case: &Case) {
    let _ = write!(
        xml,
        "    <testcase name=\"{}\" classname=\"{}\" time=\"{:.3}\"",
        escaped(&case.name),
        escaped(label),
        case.elapsed.as_secs_f64(),
    );
    match &case.outcome {
        Outcome::Passed => xml.push_str("/>\n"),
        Outcome::Failed(differences) => {
            let message = differences.first().and_then(|text| text.lines().next());
            let _ = writeln!(
                xml,
                ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
                escaped(message.unwrap_or_default()),
                escaped(&differences.join("\n")),
            );
        }
        Outcome::Skipped(reason) => {
            let _ = writeln!(
                xml,
                ">\n      <skipped message=\"{}\"/>\n    </testcase>",
                escaped(reason)
            );
        }
    }
}

/// A text in XML, without the characters that XML 1.0 cannot have.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\n' | '\t' => xml.push(character),
            _ if character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}') => {
                xml.push('\u{fffd}');
            }
            _ => xml.push(character),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_case_is_told_with_what_came_of_it() {
        let case = |name: &str, outcome| Case {
            name: name.to_owned(),
            outcome,
            elapsed: Duration::from_millis(1500),
        };
        let failed = vec!["mode: \"<a>\" & b\nmore".to_owned(), "\u{1b}[2J".to_owned()];
        let cases = [
            case("user", Outcome::Passed),
            case("file /a", Outcome::Failed(failed)),
            case("command v", Outcome::Skipped("no engine".to_owned())),
        ];
        let xml = write("//app:test", &cases);
        let suite = r#"<testsuite name="//app:test" tests="3" failures="1" errors="0" skipped="1" time="4.500">"#;
        assert!(xml.contains(suite), "{xml}");
        let passed = r#"<testcase name="user" classname="//app:test" time="1.500"/>"#;
        assert!(xml.contains(passed), "{xml}");
        assert!(
            xml.contains(
                "<failure message=\"mode: &quot;&lt;a&gt;&quot; &amp; b\">mode: &quot;&lt;a&gt;&quot; &amp; b\nmore\n\u{fffd}[2J</failure>"
            ),
            "{xml}"
        );
        assert!(xml.contains(r#"<skipped message="no engine"/>"#), "{xml}");
    }
}
