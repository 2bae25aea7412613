//! Bazel's workspace status, and texts with placeholders for its values.
//!
//! See <https://bazel.build/docs/user-manual#workspace-status>.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::error::Error;

/// What stands for a value in a build that is not stamped.
const UNSTAMPED: &str = "unstamped";
const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// The values of the workspace status; none in a build that is not stamped.
#[derive(Clone, Debug, Default)]
pub struct Status {
    values: Option<BTreeMap<String, String>>,
}

impl Status {
    /// Adds the values of a status file: a key, a space and a value a line.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn load(mut self, path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?;
        let values = self.values.get_or_insert_default();
        for line in text.lines() {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            values.insert(key.to_owned(), value.to_owned());
        }
        Ok(self)
    }

    /// Whether there are no values since the build is not stamped.
    pub(crate) fn is_unstamped(&self) -> bool {
        self.values.is_none()
    }

    /// Replaces every `{{KEY}}` in a text that has no other use for braces, such as a reference.
    pub(crate) fn expand(&self, text: &str) -> Result<String, Error> {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPEN) {
            let (key, after) = after
                .split_once(CLOSE)
                .ok_or_else(|| Error::OpenPlaceholder {
                    text: text.to_owned(),
                })?;
            expanded.push_str(before);
            expanded.push_str(self.value(key.trim(), text)?);
            rest = after;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    /// Replaces every `{{KEY}}` in a text that may have braces for other reasons: a key is made of letters, digits and
    /// underscores, and what has another between its braces (`{{.Names}}`) stays as it is.
    pub(crate) fn fill_in(&self, text: &str) -> Result<String, Error> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPEN) {
            filled.push_str(before);
            let placeholder = after
                .split_once(CLOSE)
                .map(|(key, after)| (key.trim(), after))
                .filter(|(key, _)| is_key(key));
            rest = match placeholder {
                Some((key, after)) => {
                    filled.push_str(self.value(key, text)?);
                    after
                }
                None => {
                    filled.push_str(OPEN);
                    after
                }
            };
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn value(&self, key: &str, text: &str) -> Result<&str, Error> {
        let Some(values) = &self.values else {
            return Ok(UNSTAMPED);
        };
        values
            .get(key)
            .map(String::as_str)
            .ok_or_else(|| Error::UnknownPlaceholder {
                key: key.to_owned(),
                text: text.to_owned(),
                known: match values.is_empty() {
                    true => "none".to_owned(),
                    false => values
                        .keys()
                        .map(|key| format!("`{key}`"))
                        .collect::<Vec<_>>()
                        .join(", "),
                },
            })
    }
}

fn is_key(text: &str) -> bool {
    let is_part = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    !text.is_empty() && text.bytes().all(is_part)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;

    /// The status that a file with this text has.
    pub(crate) fn status(text: &str) -> Status {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("status.txt");
        fs::write(&path, text).unwrap();
        Status::default().load(&path).unwrap()
    }

    #[test]
    fn only_what_looks_like_a_key_is_one_in_a_text() {
        let status = status("STABLE_VERSION 1.2\nA 3\n");
        let cases = [
            (
                "v{{STABLE_VERSION}}+{{ A }}",
                "v1.2+3",
                "vunstamped+unstamped",
            ),
            ("{{.Names}} {{A}}", "{{.Names}} 3", "{{.Names}} unstamped"),
            ("{{ {{A}} }}", "{{ 3 }}", "{{ unstamped }}"),
            ("{{A", "{{A", "{{A"),
            ("{{}}", "{{}}", "{{}}"),
        ];
        for (text, stamped, unstamped) in cases {
            assert_eq!(status.fill_in(text).unwrap(), stamped, "{text}");
            assert_eq!(
                Status::default().fill_in(text).unwrap(),
                unstamped,
                "{text}"
            );
        }
        let error = status.fill_in("{{B}}").unwrap_err().to_string();
        assert!(error.contains("known are `A`, `STABLE_VERSION`"), "{error}");
    }
}
