//! Helpers as Docker has them: `docker-credential-NAME get`.
//!
//! The protocol is that of
//! [docker-credential-helpers](https://github.com/docker/docker-credential-helpers/blob/v0.9.4/client/client.go).

use std::path::PathBuf;

use serde::Deserialize;

use super::process::{Call, Finished};
use super::{HelperError, Secret};

/// What a helper that has no credentials says on its standard output, and fails
/// ([`credentials/error.go`](https://github.com/docker/docker-credential-helpers/blob/v0.9.4/credentials/error.go)).
const NOT_FOUND: &str = "credentials not found in native keychain";

/// The name that says that the secret is an identity token: `tokenUsername` in the Docker CLI's
/// `cli/config/credentials/native_store.go`.
const TOKEN_USER: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Asks `program` for the credentials of `server`.
pub(super) fn call(program: PathBuf, server: &str) -> Call {
    Call {
        program,
        input: server.to_owned(),
        folder: None,
    }
}

/// What the answer says.
pub(super) fn read(finished: Finished) -> Result<Secret, HelperError> {
    if !finished.status.success() {
        return match finished.output.trim_ascii() == NOT_FOUND.as_bytes() {
            true => Ok(Secret::None),
            false => Err(finished.failed()),
        };
    }
    let Some(answer) = finished.object::<Answer>() else {
        return Err(finished.nonsense("it is no JSON object with `Username` and `Secret`"));
    };
    Ok(match (answer.username, answer.secret) {
        (user, secret) if user.is_empty() && secret.is_empty() => Secret::None,
        (user, token) if user == TOKEN_USER => Secret::IdentityToken(token),
        (user, password) => Secret::Basic { user, password },
    })
}
