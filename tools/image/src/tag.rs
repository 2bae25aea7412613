//! Tags: the names that a registry knows an image by, within a repository.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

const MAX_LENGTH: usize = 128;

/// A tag, such as `v1.2`. In JSON it is a string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    /// The tag's characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Tag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match check(text) {
            Ok(()) => Ok(Self(text.to_owned())),
            Err(reason) => Err(Error::InvalidTag {
                found: text.to_owned(),
                length: text.chars().count(),
                reason,
            }),
        }
    }
}

impl TryFrom<String> for Tag {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

/// Says why a text is no tag.
/// See <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests>.
pub(crate) fn check(text: &str) -> Result<(), &'static str> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = text.bytes();
    match bytes.next() {
        Some(first)
            if is_word(first)
                && text.len() <= MAX_LENGTH
                && bytes.all(|byte| is_word(byte) || matches!(byte, b'.' | b'-')) =>
        {
            Ok(())
        }
        _ => Err("a tag is at most 128 letters, digits, `_`, `.` and `-`, and does not begin with `.` or `-`"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_what_registries_take() {
        let longest = "x".repeat(MAX_LENGTH);
        for text in ["v1", "_", "1.2-rc_3", &longest] {
            assert_eq!(text.parse::<Tag>().unwrap().as_str(), text);
        }
        let too_long = "x".repeat(MAX_LENGTH + 1);
        for text in ["", ".v1", "-v1", "a b", "app:v1", "x/y", "ü", &too_long] {
            let error = text.parse::<Tag>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` (")), "{error}");
        }
        let error = too_long.parse::<Tag>().unwrap_err().to_string();
        assert!(error.contains("(129 characters)"), "{error}");
    }
}
