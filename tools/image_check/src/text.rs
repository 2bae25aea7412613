//! What is expected of a text, ready to be compared.

use regex_lite::{Regex, RegexBuilder};

use crate::diff;
use crate::error::Error;
use crate::expected::ExpectedText;

/// How much of a file, or of what a command writes to a stream, is kept for a comparison, in bytes. What is larger is not looked
/// into.
pub const MOST_COMPARED: u64 = 8 << 20;

/// How much of a text is shown where it is not compared line by line.
const SHOWN: usize = 2000;

/// What is expected of a text.
#[derive(Debug)]
pub(crate) struct TextCheck {
    exact: Option<String>,
    matches: Vec<Regex>,
    lacks: Vec<Regex>,
}

impl TextCheck {
    /// Compiles the expressions; `place` is what they are expected of, for messages.
    pub(crate) fn new(place: &str, expected: &ExpectedText) -> Result<Self, Error> {
        let all = |patterns: &[String]| {
            let patterns = patterns.iter();
            patterns
                .map(|text| pattern(place, text))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            exact: expected.text.clone(),
            matches: all(&expected.matches)?,
            lacks: all(&expected.lacks)?,
        })
    }

    /// Whether anything is expected.
    pub(crate) fn is_empty(&self) -> bool {
        self.exact.is_none() && self.matches.is_empty() && self.lacks.is_empty()
    }

    /// What differs in `found`, which is called `what`.
    pub(crate) fn compare(&self, what: &str, found: &[u8]) -> Vec<String> {
        let mut differences = Vec::new();
        let text = String::from_utf8_lossy(found);
        if let Some(exact) = self
            .exact
            .as_ref()
            .filter(|exact| exact.as_bytes() != found)
        {
            differences.push(match text.as_bytes() == found {
                true => format!("{what} differs:\n{}", diff::unified(exact, &text)),
                false => format!("{what} is no text of UTF-8, expected\n{}", shown(exact)),
            });
        }
        for pattern in &self.matches {
            if !pattern.is_match(&text) {
                differences.push(format!(
                    "{what}: `{}` matches nothing in{}",
                    pattern.as_str(),
                    quoted(&text)
                ));
            }
        }
        for pattern in &self.lacks {
            if let Some(matched) = pattern.find(&text) {
                let line = text[..matched.start()].matches('\n').count() + 1;
                differences.push(format!(
                    "{what}: `{}` matches `{}` in line {line}, expected nothing that it matches",
                    pattern.as_str(),
                    shown(matched.as_str())
                ));
            }
        }
        differences
    }
}

/// Compiles an expression, in which `^` and `$` match at each line.
pub(crate) fn pattern(place: &str, text: &str) -> Result<Regex, Error> {
    let mut builder = RegexBuilder::new(text);
    builder.multi_line(true);
    builder.build().map_err(|error| Error::Pattern {
        place: place.to_owned(),
        pattern: text.to_owned(),
        reason: error.to_string(),
    })
}

/// What tells whether a case is wanted, by its name.
///
/// # Errors
/// If `text` is no regular expression.
pub fn filter(text: &str) -> Result<impl Fn(&str) -> bool, Error> {
    let pattern = pattern("the filter", text)?;
    Ok(move |name: &str| pattern.is_match(name))
}

/// A text for a message, each line indented, and not too much of it.
pub(crate) fn quoted(text: &str) -> String {
    if text.is_empty() {
        return " an empty text".to_owned();
    }
    let shown = shown(text);
    let lines = shown.lines().map(|line| format!("\n    {line}"));
    format!(":{}", lines.collect::<String>())
}

/// As much of a text as a message has, without characters that would move the cursor.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => {
            let start = visible(&text[..end]);
            format!("{start}… ({} bytes more)", text.len() - end)
        }
        None => visible(text),
    }
}

/// A text without characters that would move the cursor.
pub(crate) fn visible(text: &str) -> String {
    let visible = |character: char| match character {
        '\n' | '\t' => character.to_string(),
        character if character.is_control() => character.escape_default().to_string(),
        character => character.to_string(),
    };
    text.chars().map(visible).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check(text: Option<&str>, matches: &[&str], lacks: &[&str]) -> TextCheck {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let expected = ExpectedText {
            text: text.map(str::to_owned),
            matches: owned(matches),
            lacks: owned(lacks),
        };
        TextCheck::new("file /x", &expected).unwrap()
    }

    #[test]
    fn expressions_match_at_lines() {
        let check = check(None, &["^b$", "a\\sb"], &["^c"]);
        assert!(check.compare("content", b"a\nb\n").is_empty());
        assert_eq!(
            check.compare("content", b"b\ncd\n"),
            [
                "content: `a\\sb` matches nothing in:\n    b\n    cd",
                "content: `^c` matches `c` in line 2, expected nothing that it matches",
            ]
        );
    }

    #[test]
    fn texts_differ_line_by_line() {
        let differences = check(Some("a\nb\n"), &[], &[]).compare("content", b"a\nc\n");
        assert_eq!(differences.len(), 1);
        assert!(differences[0].contains("-b\n+c"), "{}", differences[0]);
        let differences = check(Some("a"), &[], &[]).compare("content", b"\xff");
        assert_eq!(differences, ["content is no text of UTF-8, expected\na"]);
    }

    #[test]
    fn what_is_no_expression_is_named() {
        let error = pattern("file /x: content", "a(").unwrap_err().to_string();
        assert!(error.contains("`a(` of file /x: content"), "{error}");
    }

    #[test]
    fn a_message_is_short_and_cannot_move_the_cursor() {
        assert_eq!(shown("a\u{1b}[2J\tb"), "a\\u{1b}[2J\tb");
        let long = shown(&"x".repeat(3000));
        assert!(long.ends_with("x… (1000 bytes more)"), "{long}");
        assert_eq!(quoted(""), " an empty text");
    }
}
