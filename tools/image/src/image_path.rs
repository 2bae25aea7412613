//! Paths inside an image.

use std::fmt;

use crate::error::Error;

/// A path in an image, from its root: without a slash at either end, `.`, `..` or empty parts. The root itself is empty.
///
/// Paths are bytes, as they are in tars; they sort so that a directory comes before what is in it. One shows itself
/// with a slash in front.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ImagePath(Vec<u8>);

impl ImagePath {
    /// Parses a path that a user wrote, with or without a slash in front.
    ///
    /// # Errors
    /// [`Error::InvalidPath`] if it is empty, or has `..` or a zero byte in it.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let invalid = |reason| Error::InvalidPath {
            found: text.to_owned(),
            reason,
        };
        if text.is_empty() {
            return Err(invalid("it is empty; the root is written `/`"));
        }
        if text.split('/').any(|part| part == "..") {
            return Err(invalid("it has `..` in it"));
        }
        if text.contains('\0') {
            return Err(invalid("it has a zero byte in it"));
        }
        Ok(Self::from_safe(text.as_bytes()))
    }

    /// The path below this one that `relative` names; nothing for this one itself.
    ///
    /// # Errors
    /// [`Error::InvalidPath`] if `relative` is absolute, or has `..` or a zero byte in it.
    pub(crate) fn join(&self, relative: &str) -> Result<Self, Error> {
        if relative.is_empty() {
            return Ok(self.clone());
        }
        if relative.starts_with('/') {
            return Err(Error::InvalidPath {
                found: relative.to_owned(),
                reason: "it is absolute, and is to be placed below another one",
            });
        }
        let below = Self::parse(relative)?;
        Ok(self.child(&below.0))
    }

    /// The path of something in this directory.
    pub(crate) fn child(&self, name: &[u8]) -> Self {
        match (self.0.is_empty(), name.is_empty()) {
            (_, true) => self.clone(),
            (true, false) => Self(name.to_vec()),
            (false, false) => Self([&self.0, &b"/"[..], name].concat()),
        }
    }

    /// The path of a tar's member, whose name the archive's reader has checked.
    pub(crate) fn from_safe(name: &[u8]) -> Self {
        let parts: Vec<&[u8]> = name
            .split(|byte| *byte == b'/')
            .filter(|part| !part.is_empty() && *part != b".")
            .collect();
        Self(parts.join(&b'/'))
    }

    /// The bytes, without a slash in front.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The directory that it is in; the root is in none.
    pub(crate) fn parent(&self) -> Option<Self> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        Some(Self(self.0[..end].to_vec()))
    }

    /// How a symlink at this path names `target`: `../bin/app` from `usr/lib/x` to `usr/bin/app`.
    pub(crate) fn relative_link(&self, target: &Self) -> Vec<u8> {
        let from: Vec<&[u8]> = self.0.split(|byte| *byte == b'/').collect();
        let to: Vec<&[u8]> = target.0.split(|byte| *byte == b'/').collect();
        let directories = from.len() - 1;
        let shared = from[..directories]
            .iter()
            .zip(&to[..to.len() - 1])
            .take_while(|(one, other)| one == other)
            .count();
        let mut parts: Vec<&[u8]> = vec![b".."; directories - shared];
        parts.extend(&to[shared..]);
        parts.join(&b'/')
    }
}

impl fmt::Display for ImagePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "/{}", String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for ImagePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_form() {
        let cases = [
            ("/", "/"),
            ("/app", "/app"),
            ("app/", "/app"),
            ("//app/./bin//x/", "/app/bin/x"),
        ];
        for (text, expected) in cases {
            assert_eq!(
                ImagePath::parse(text).unwrap().to_string(),
                expected,
                "{text}"
            );
        }
        for text in ["", "/a/../b", "..", "a\0b"] {
            assert!(ImagePath::parse(text).is_err(), "{text}");
        }
        assert!(ImagePath::parse("/a").unwrap().join("/b").is_err());
    }

    #[test]
    fn links_are_as_short_as_they_can_be() {
        let cases = [
            ("app.runfiles/_main/app", "app", "../../app"),
            ("a/b", "a/c", "c"),
            ("a/b/c", "a/d/e", "../d/e"),
            ("a", "b", "b"),
            ("a/a", "a", "../a"),
        ];
        for (from, to, expected) in cases {
            let link = ImagePath::parse(from)
                .unwrap()
                .relative_link(&ImagePath::parse(to).unwrap());
            assert_eq!(String::from_utf8(link).unwrap(), expected, "{from} -> {to}");
        }
    }

    #[test]
    fn the_root_has_no_parent() {
        let path = ImagePath::parse("/a/b").unwrap();
        let parent = path.parent().unwrap();
        assert_eq!(parent.to_string(), "/a");
        assert_eq!(parent.parent().unwrap().to_string(), "/");
        assert_eq!(parent.parent().unwrap().parent(), None);
    }
}
