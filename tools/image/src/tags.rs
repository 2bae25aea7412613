//! The tags that an image gets, which may have placeholders for values of the workspace status.

use crate::error::Error;
use crate::reference::Reference;
use crate::status::Status;

/// The references that texts stand for, in their order, each once. Empty texts and those that begin with `#` stand for
/// none, so that they may be the lines of a file.
///
/// # Errors
/// If a placeholder is not known, or a text is not a reference that can be given to an image.
pub fn resolve<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    status: &Status,
) -> Result<Vec<Reference>, Error> {
    let mut references = Vec::new();
    for text in meant(texts) {
        let reference: Reference = status.expand(text)?.parse()?;
        if reference.digest().is_some() {
            return Err(Error::TagWithDigest {
                found: text.to_owned(),
            });
        }
        if !references.contains(&reference) {
            references.push(reference);
        }
    }
    Ok(references)
}

/// Those of the texts that stand for something: neither empty nor a comment.
pub(crate) fn meant<'a>(texts: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    texts
        .into_iter()
        .map(str::trim)
        .filter(|text| !text.is_empty() && !text.starts_with('#'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::status::tests::status;

    fn resolved(texts: &[&str], status: &Status) -> Result<Vec<String>, Error> {
        let references = resolve(texts.iter().copied(), status)?;
        Ok(references.iter().map(Reference::familiar).collect())
    }

    #[test]
    fn placeholders_come_from_the_status() {
        let status = status("STABLE_VERSION 1.2\nBUILD_USER me you\nEMPTY\n");
        let texts = [
            "app:{{STABLE_VERSION}}-x",
            "",
            "# a comment",
            " app ",
            "docker.io/library/app:latest",
            "app:v{{EMPTY}}{{ STABLE_VERSION }}",
        ];
        assert_eq!(
            resolved(&texts, &status).unwrap(),
            ["app:1.2-x", "app:latest", "app:v1.2"]
        );
    }

    #[test]
    fn without_a_status_the_word_is_unstamped() {
        let tags = resolved(&["app:{{ANY}}"], &Status::default()).unwrap();
        assert_eq!(tags, ["app:unstamped"]);
    }

    #[test]
    fn what_cannot_be_a_tag_is_refused() {
        let status = status("A 1\nB 2\n");
        let digest = format!("app@{}", crate::digest::Digest::of(b""));
        let cases = [
            ("app:{{C}}", "known are `A`, `B`"),
            ("app:{{A", "`{{` without `}}`"),
            ("App", "`App`"),
            (digest.as_str(), "has a digest"),
        ];
        for (text, expected) in cases {
            let error = resolved(&[text], &status).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
