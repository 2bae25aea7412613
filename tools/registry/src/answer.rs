//! An answer of a registry, read to its end.

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{self, AsHeaderName, CONTENT_TYPE};
use hyper::{HeaderMap, StatusCode};
use serde::Deserialize;

/// How much of a body that is no JSON is shown.
const EXCERPT: usize = 200;

/// Status, headers and body; no body of a registry that is read this way is larger than a manifest may be.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The body of a blob, which is yet to be read; `body` is empty then.
    pub(crate) stream: Option<Incoming>,
}

/// The body of an error.
///
/// See <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes>.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    code: String,
    #[serde(default)]
    message: Option<String>,
}

impl Answer {
    /// A header's value, if it is there and text.
    pub(crate) fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where the upload is to go on.
    pub(crate) fn location(&self) -> Option<&str> {
        self.header(header::LOCATION)
    }

    /// Whether it is a web page.
    pub(crate) fn is_html(&self) -> bool {
        self.header(CONTENT_TYPE)
            .is_some_and(|kind| kind.trim_start().starts_with("text/html"))
    }

    /// Whether one of the error's codes is `code`.
    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.errors().iter().any(|error| error.code == code)
    }

    /// What it says, for a person; nothing if it says nothing.
    pub(crate) fn message(&self) -> String {
        let errors = self.errors();
        if errors.is_empty() {
            return excerpt(&self.body);
        }
        let texts = errors.iter().map(|error| match error.message.as_deref() {
            None | Some("") => error.code.clone(),
            Some(message) => format!("{}: {message}", error.code),
        });
        texts.collect::<Vec<_>>().join("; ")
    }

    fn errors(&self) -> Vec<OneError> {
        serde_json::from_slice(&self.body).map_or(Vec::new(), |body: Errors| body.errors)
    }
}

/// The first words of a body, on one line.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(EXCERPT * 4)]);
    let words: Vec<_> = text.split_whitespace().collect();
    let mut text: String = words.join(" ").chars().take(EXCERPT + 1).collect();
    if text.chars().count() > EXCERPT {
        text.pop();
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer {
            status: StatusCode::NOT_FOUND,
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            stream: None,
        }
    }

    #[test]
    fn errors_are_shown_by_code_and_message() {
        let body = r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no such name","detail":{}},{"code":"DENIED"}]}"#;
        let answer = answer(body);
        assert_eq!(answer.message(), "NAME_UNKNOWN: no such name; DENIED");
        assert!(answer.has_code("DENIED") && !answer.has_code("UNKNOWN"));
    }

    #[test]
    fn other_bodies_are_shown_by_their_start() {
        assert_eq!(answer("").message(), "");
        assert_eq!(answer("no\n  way\n").message(), "no way");
        assert_eq!(
            answer(&"x".repeat(1000)).message().chars().count(),
            EXCERPT + 1
        );
    }
}
