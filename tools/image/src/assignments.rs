//! Files with a `KEY=VALUE` a line, as labels, annotations and environment variables come from.

use std::fs;
use std::path::Path;

use crate::error::Error;

/// Reads such a file, in the order of its lines. Empty lines, and those that begin with `#`, stand for nothing. What is
/// behind the first `=` is the value, word for word.
///
/// # Errors
/// If the file cannot be read, or a line has no `=` or nothing before it.
pub fn load(path: &Path) -> Result<Vec<(String, String)>, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|(index, line)| match line.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
            _ => Err(Error::NotAnAssignment {
                path: path.to_owned(),
                line: index + 1,
                found: line.to_owned(),
            }),
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn loaded(text: &str) -> Result<Vec<(String, String)>, Error> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("labels.txt");
        fs::write(&path, text).unwrap();
        load(&path)
    }

    #[test]
    fn a_value_is_all_that_is_behind_the_first_sign() {
        let found = loaded("a=1\r\n\n# a comment\nb=x = y \n c =\nd=#").unwrap();
        let expected = [("a", "1"), ("b", "x = y "), (" c ", ""), ("d", "#")];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_line_that_assigns_nothing_is_told_with_its_number() {
        for line in ["b", "=1"] {
            let error = loaded(&format!("a=1\n{line}\n")).unwrap_err().to_string();
            assert!(error.contains("line 2 of"), "{error}");
            assert!(error.contains(&format!("has `{line}`")), "{error}");
        }
    }
}
