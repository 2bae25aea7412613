//! Globs over paths in an image: `?` is one character and `*` any number of them within a part of the path, `**` any
//! number of parts.

use crate::error::Error;

/// A pattern of paths with a slash in front.
#[derive(Clone, Debug)]
pub struct Glob {
    pattern: String,
}

impl Glob {
    /// Parses a pattern; `attribute` of `label` has it.
    ///
    /// # Errors
    /// If it is not absolute, or has `..` in it.
    pub fn parse(label: &str, attribute: &'static str, pattern: &str) -> Result<Self, Error> {
        if !pattern.starts_with('/') || pattern.split('/').any(|part| part == "..") {
            return Err(Error::InvalidAttribute {
                label: label.to_owned(),
                attribute,
                found: pattern.to_owned(),
                expected: "a glob of absolute paths, such as `/app/**`".to_owned(),
            });
        }
        let trimmed = match pattern.trim_end_matches('/') {
            "" => "/",
            trimmed => trimmed,
        };
        Ok(Self {
            pattern: trimmed.to_owned(),
        })
    }

    /// Whether it has nothing to match: it is a path.
    pub fn is_path(&self) -> bool {
        !self.pattern.contains(['*', '?'])
    }

    /// Whether it matches a path, which is given without the slash in front.
    pub fn matches(&self, path: &[u8]) -> bool {
        matches(&self.pattern.as_bytes()[1..], path)
    }
}

fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        // `**/` is any number of whole parts, also none.
        [b'*', b'*', b'/', rest @ ..] => {
            matches(rest, text)
                || text
                    .iter()
                    .enumerate()
                    .any(|(index, byte)| *byte == b'/' && matches(rest, &text[index + 1..]))
        }
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|index| matches(rest, &text[index..])),
        [b'*', rest @ ..] => {
            let end = text
                .iter()
                .position(|byte| *byte == b'/')
                .unwrap_or(text.len());
            (0..=end).any(|index| matches(rest, &text[index..]))
        }
        [b'?', rest @ ..] => match text {
            [] | [b'/', ..] => false,
            [_, after @ ..] => {
                let continued = after.iter().take_while(|byte| is_continuation(**byte));
                matches(rest, &after[continued.count()..])
            }
        },
        [first, rest @ ..] => match text {
            [byte, after @ ..] => byte == first && matches(rest, after),
            [] => false,
        },
    }
}

/// Whether a byte continues a character of UTF-8.
fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_documented() {
        let cases = [
            ("/app", "app", true),
            ("/app", "app/bin", false),
            ("/app/", "app", true),
            ("/app/*", "app/bin", true),
            ("/app/*", "app/lib/x", false),
            ("/app/**", "app/lib/x", true),
            ("/app/**", "app", false),
            ("/**", "app", true),
            ("/**/*.so", "x.so", true),
            ("/**/*.so", "usr/lib/x.so", true),
            ("/**/*.so", "usr/lib/x.so.1", false),
            ("/a/**/b", "a/b", true),
            ("/a/**/b", "a/x/y/b", true),
            ("/a/**/b", "a/xb", false),
            ("/a?c", "abc", true),
            ("/a?c", "aßc", true),
            ("/a?c", "a/c", false),
            ("/*", "", true),
            ("/", "", true),
        ];
        for (pattern, path, expected) in cases {
            let glob = Glob::parse("//x", "a", pattern).unwrap();
            assert_eq!(glob.matches(path.as_bytes()), expected, "{pattern} {path}");
        }
        for pattern in ["", "app", "**", "/a/../b"] {
            let error = Glob::parse("//x:y", "a", pattern).unwrap_err().to_string();
            assert!(error.contains("//x:y"), "{error}");
        }
    }
}
