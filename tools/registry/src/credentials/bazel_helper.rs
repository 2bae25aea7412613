//! Helpers as Bazel has them: `HELPER get`.
//!
//! The protocol is <https://github.com/EngFlow/credential-helper-spec/blob/main/spec.md>.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hyper::header::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::process::{Call, Finished};
use super::{HelperError, Secret, Surroundings};

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    headers: BTreeMap<String, Vec<String>>,
}

/// Asks `program` for the headers of a request for `uri`, in the workspace, as Bazel does.
pub(super) fn call(program: PathBuf, uri: &str, surroundings: &Surroundings) -> Call {
    let workspace = surroundings.variable("BUILD_WORKSPACE_DIRECTORY");
    Call {
        program,
        input: serde_json::json!({ "uri": uri }).to_string(),
        folder: workspace.map(PathBuf::from),
    }
}

/// What the answer says. No headers: no credentials are needed, or the helper has none.
pub(super) fn read(finished: Finished) -> Result<Secret, HelperError> {
    if !finished.status.success() {
        return Err(finished.failed());
    }
    let Some(answer) = finished.object::<Answer>() else {
        return Err(finished.nonsense("it is no JSON object with lists of strings in `headers`"));
    };
    let mut headers = Vec::new();
    for (name, values) in answer.headers {
        for value in values {
            if name.parse::<HeaderName>().is_err() || value.parse::<HeaderValue>().is_err() {
                return Err(finished.nonsense("one of its headers is no HTTP header"));
            }
            headers.push((name.clone(), value));
        }
    }
    Ok(match headers.is_empty() {
        true => Secret::None,
        false => Secret::Headers(headers),
    })
}
